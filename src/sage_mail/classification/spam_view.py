"""Any classifier as one that tells spam from all else, so that it can be compared with others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sage_mail.classification.protocol import Classification, Classifier

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["SpamView", "spam_or_ham"]


def spam_or_ham(label: str) -> str:
    """The label where only spam matters: all other categories are ham."""
    return label if label in ("spam", "ham") else "ham"


class SpamView:
    """A classifier whose categories other than spam are all ham."""

    labels = ("ham", "spam")

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.name = classifier.name

    def classify(self, message: EmailMessage) -> Classification:
        """What it says, as spam or ham; an abstention stays one."""
        said = self._classifier.classify(message)
        label = None if said.category is None else spam_or_ham(said.category)
        spam = said.scores.get("spam", 0.0)
        scores = {"ham": 1.0 - spam, "spam": spam}
        return Classification(label, max(scores.values()), scores, said.reasons)
