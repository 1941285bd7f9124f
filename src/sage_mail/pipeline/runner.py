"""The pipeline: stages in their order, folded into one decision."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sage_mail.pipeline.decision import Decision
from sage_mail.pipeline.stage import Context, Stage

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["Pipeline"]


class Pipeline:
    """Stages that decide, one after the other, what a message is and where it belongs.

    Immutable, without IO, and safe to use from any thread.
    """

    def __init__(self, stages: Iterable[Stage]) -> None:
        self._stages = tuple(stages)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in the order in which they run."""
        return self._stages

    def decide(self, message: EmailMessage, context: Context | None = None) -> Decision:
        """The decision about the message.

        Never raises because of a stage: the error of a stage that fails is recorded under the
        stage's name in ``Decision.errors``, and the stages after it run on what is known.
        """
        context = (context or Context()).for_message()
        decision = context.decision
        for stage in self._stages:
            try:
                contribution = stage(message, context.after(decision))
            except Exception as error:  # noqa: BLE001 - the bulkhead: a stage never costs the message
                decision = decision.with_error(stage.name, f"{type(error).__name__}: {error}")
            else:
                decision = decision.with_contribution(contribution)
        return decision
