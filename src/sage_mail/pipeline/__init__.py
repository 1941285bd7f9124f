"""Pure stages that turn a message into a decision."""

from __future__ import annotations

from sage_mail.pipeline.decision import (
    Category,
    Contribution,
    Decision,
    Field,
    Kind,
    Opinion,
    Priority,
    Reason,
    Topic,
)
from sage_mail.pipeline.runner import Pipeline
from sage_mail.pipeline.stage import Context, Stage
from sage_mail.pipeline.stages.route import RoutingPolicy
from sage_mail.pipeline.standard import default_pipeline

__all__ = [
    "Category",
    "Context",
    "Contribution",
    "Decision",
    "Field",
    "Kind",
    "Opinion",
    "Pipeline",
    "Priority",
    "Reason",
    "RoutingPolicy",
    "Stage",
    "Topic",
    "default_pipeline",
]
