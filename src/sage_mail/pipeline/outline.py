"""A message as classifiers read it: the words of its subject and its own text, and its signals.

Rules and trained models look at the same, so a message's outline is made once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from sage_mail.pipeline.signals import signals
from sage_mail.pipeline.text import Wording, body_text, subject_text, wording

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage
    from sage_mail.classification.protocol import Classification
    from sage_mail.pipeline.stage import Context

__all__ = ["Outline", "ReadsOutlines", "outline"]

_SHARED: Final = "outline"


@dataclass(frozen=True, slots=True)
class Outline:
    """The words of the subject, those that the writer wrote below it, and the names of signals."""

    subject: Wording
    body: Wording
    signals: tuple[str, ...]

    @classmethod
    def of(cls, message: EmailMessage) -> Outline:
        """The outline of the message."""
        body = wording(body_text(message))
        return cls(wording(subject_text(message)), body, tuple(signals(message, body)))


@runtime_checkable
class ReadsOutlines(Protocol):
    """A classifier to which the outline of a message is enough."""

    def classify_outline(self, outlined: Outline, /) -> Classification:
        """What it says about a message with this outline."""
        ...


def outline(message: EmailMessage, context: Context) -> Outline:
    """The outline of the message, made by the first stage that asks for it."""
    known = context.shared.get(_SHARED)
    if known is None or known[0] is not message:
        known = context.shared[_SHARED] = (message, Outline.of(message))
    made: Outline = known[1]
    return made
