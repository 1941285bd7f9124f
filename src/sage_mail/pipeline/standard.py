"""The pipeline that the system runs unless it is told otherwise."""

from __future__ import annotations

from sage_mail.pipeline.runner import Pipeline
from sage_mail.pipeline.stages.route import Route, RoutingPolicy

__all__ = ["default_pipeline"]


def default_pipeline(routing: RoutingPolicy) -> Pipeline:
    """Classify, prioritise, route.

    Reads the word lists of the package once, here; the pipeline itself does no IO.
    """
    return Pipeline([Route(routing)])
