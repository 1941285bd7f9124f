"""How soon a person should look at a message.

High is what says so in its subject or its first lines, or carries the sender's mark of importance;
low is what programs and senders to many send; everything else that a person wrote is medium.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from sage_mail.pipeline.decision import Category, Contribution, Field, Priority, Reason
from sage_mail.pipeline.lexicon import Lexicon
from sage_mail.pipeline.signals import is_automatic, is_bulk
from sage_mail.pipeline.stage import Context
from sage_mail.pipeline.text import own_text, subject_text, wording

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["Prioritise"]

_TARGET: Final = "high"
# Who is in a hurry says so at once.
_FIRST_CHARACTERS: Final = 600
# Evidence, in nats, from which a message is in a hurry: its subject says so, or two of its phrases.
_ENOUGH: Final = 2.6
_NEVER_HIGH: Final = frozenset({Category.SPAM, Category.MARKETING, Category.NEWSLETTER})


class Prioritise:
    """Sets the priority and gives the words that raised it as reasons."""

    name = "prioritise"

    def __init__(self, lexicon: Mapping[Field, Lexicon]) -> None:
        high = frozenset({_TARGET})
        self._lexicon = {field: lexicon[field].only(high) for field in (Field.SUBJECT, Field.BODY)}

    def __call__(self, message: EmailMessage, context: Context, /) -> Contribution:
        """The priority of the message, given its category."""
        category = context.decision.category
        if category in _NEVER_HIGH:
            return Contribution(priority=Priority.LOW)
        if category is Category.URGENT or _marked_important(message):
            return Contribution(priority=Priority.HIGH)
        reasons = self._reasons(message)
        if sum(reason.weight for reason in reasons) >= _ENOUGH:
            return Contribution(priority=Priority.HIGH, reasons=reasons)
        if is_bulk(message) or is_automatic(message):
            return Contribution(priority=Priority.LOW)
        return Contribution(priority=Priority.MEDIUM)

    def _reasons(self, message: EmailMessage) -> tuple[Reason, ...]:
        texts = (
            (Field.SUBJECT, subject_text(message)),
            (Field.BODY, own_text(message.plain_body[:_FIRST_CHARACTERS])),
        )
        return tuple(
            Reason("priority", rule.phrase, field, rule.weight)
            for field, text in texts
            for rule in sorted(
                self._lexicon[field].matches(wording(text)),
                key=lambda rule: (-rule.weight, rule.phrase),
            )
        )


def _marked_important(message: EmailMessage) -> bool:
    """Whether the sender has marked it: Importance (RFC 4021), X-Priority 1 or 2 by custom."""
    for name in ("importance", "priority"):
        if any(
            value.strip().lower() in {"high", "urgent"} for value in message.headers.get_all(name)
        ):
            return True
    return any(value.strip()[:1] in {"1", "2"} for value in message.headers.get_all("x-priority"))
