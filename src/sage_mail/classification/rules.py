"""The system's own rules as a classifier: the pipeline's stage behind the common protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sage_mail.classification.protocol import Classification
from sage_mail.pipeline.decision import Category
from sage_mail.pipeline.lexicon import load_lexicon, load_model
from sage_mail.pipeline.stage import Context
from sage_mail.pipeline.stages.classify import TARGETS, Classify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sage_imap.models.email import EmailMessage

__all__ = ["SystemRules"]


class SystemRules:
    """Words, signals and their weights, as `sage_mail.pipeline.stages.classify` adds them up.

    ``word_lists`` maps names to the texts of the user's own lists; raises WordListError for one
    that is not such a list.
    """

    name = "rules"
    labels = tuple(str(category) for category in Category)

    def __init__(self, word_lists: Mapping[str, str] | None = None) -> None:
        model = load_model()
        self._stage = Classify(model, load_lexicon(model, TARGETS, word_lists or {}))

    def classify(self, message: EmailMessage) -> Classification:
        """The likeliest category; the rules never abstain, they say "general"."""
        said = self._stage(message, Context())
        scores = said.scores or {}
        return Classification(
            category=str(said.category),
            confidence=said.confidence or 0.0,
            scores=scores,
            reasons=said.reasons,
        )
