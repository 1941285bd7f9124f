"""What a classifier is: a message goes in, a category with its confidence and reasons comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage
    from sage_mail.pipeline.decision import Reason

__all__ = ["Classification", "Classifier"]


@dataclass(frozen=True, slots=True)
class Classification:
    """What a classifier says about one message.

    ``category`` is None where it abstains: it is not sure enough, or has found nothing that it
    knows. ``confidence`` is the probability (0 to 1) of the likeliest label even then, ``scores``
    the probability of each label, ``reasons`` what decided, the strongest first.
    """

    category: str | None
    confidence: float
    scores: Mapping[str, float]
    reasons: tuple[Reason, ...] = ()


class Classifier(Protocol):
    """Rules or a trained model, known by a name; pure, and safe to use from any thread."""

    @property
    def name(self) -> str:
        """The name under which its opinions are recorded."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it gives."""
        ...

    def classify(self, message: EmailMessage) -> Classification:
        """What it says about the message; it never raises because of what a message holds."""
        ...
