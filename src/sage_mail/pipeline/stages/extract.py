"""Takes facts out of a message, one stage for each kind, so that a failure costs that kind only.

Within a stage each kind of fact is read behind a bulkhead of its own (`Source.shielded`): what
fails is recorded, and the stage gives the others. The stages share the texts of the message, which
are prepared once. They run for what they make
sense for: support facts for requests, deadlines for what was not sent to many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sage_mail.pipeline.decision import Category, Contribution, Decision, Kind
from sage_mail.pipeline.extraction import Extractor, Facts, Source
from sage_mail.pipeline.stage import Context

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["Extract", "extraction_stages"]

_SHARED: Final = "extraction source"
_REQUESTS: Final = frozenset({Category.SUPPORT, Category.URGENT})
_TO_MANY: Final = frozenset({Category.SPAM, Category.MARKETING, Category.NEWSLETTER})


@dataclass(frozen=True, slots=True)
class Extract:
    """Adds the facts of one kind under its key to what was extracted.

    ``read`` gives None where there are none; ``wanted`` says for which decisions it is asked.
    """

    key: str
    read: Callable[[Source], Facts | None]
    wanted: Callable[[Decision], bool]

    @property
    def name(self) -> str:
        """The name under which an error of this stage is recorded."""
        return f"extract {self.key}"

    def __call__(self, message: EmailMessage, context: Context, /) -> Contribution:
        """The facts of this kind in the message."""
        if not self.wanted(context.decision):
            return Contribution()
        source = _source(message, context)
        facts = self.read(source)
        return Contribution(
            extracted={self.key: facts} if facts is not None else None,
            errors={f"extract {kind}": error for kind, error in source.problems.items()},
        )


def extraction_stages(extractor: Extractor) -> tuple[Extract, ...]:
    """The stages of extraction: support, order, urgent, spam and analysis."""
    return (
        Extract("support", extractor.support, _is_request),
        Extract("order", extractor.orders, _always),
        Extract("urgent", extractor.urgent, _is_for_somebody),
        Extract("spam", extractor.spam, _always),
        Extract("analysis", extractor.analysis, _always),
    )


def _source(message: EmailMessage, context: Context) -> Source:
    known = context.shared.get(_SHARED)
    if isinstance(known, Source) and known.message is message:
        return known
    source = context.shared[_SHARED] = Source.of_message(message)
    return source


def _always(_decision: Decision) -> bool:
    return True


def _is_request(decision: Decision) -> bool:
    return decision.category in _REQUESTS or decision.kind is Kind.SUPPORT


def _is_for_somebody(decision: Decision) -> bool:
    return decision.category not in _TO_MANY
