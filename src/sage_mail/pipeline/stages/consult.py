"""What a trained model says: recorded, and, where the user wants it, the decision.

A model that knows only spam from ham takes no message back from the rules: that it finds no spam
says nothing about which of the other categories is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from sage_mail.pipeline.decision import Category, Contribution, Decision, Opinion, Topic
from sage_mail.pipeline.outline import ReadsOutlines, outline
from sage_mail.pipeline.stages.classify import TOPICS

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage
    from sage_mail.classification.protocol import Classification, Classifier
    from sage_mail.pipeline.stage import Context

__all__ = ["Consult"]

_CATEGORIES: Final = frozenset(map(str, Category))


class Consult:
    """Records the opinion of a model; with *decides* its category replaces that of the rules."""

    name = "consult"

    def __init__(self, model: Classifier, *, decides: bool) -> None:
        self._model = model
        self._reader = model if isinstance(model, ReadsOutlines) else None
        self._decides = decides

    def __call__(self, message: EmailMessage, context: Context, /) -> Contribution:
        """The model's opinion, and what follows from it."""
        said = self._said(message, context)
        decided = self._decides and said.category in _CATEGORIES
        opinion = Opinion(self._model.name, said.category, said.confidence, said.scores, decided)
        if not decided:
            return Contribution(opinions=(opinion,))
        category = Category(str(said.category))
        return Contribution(
            category=category,
            confidence=said.confidence,
            scores=_scores(said, context.decision),
            topic=_topic(category, context.decision),
            opinions=(opinion,),
        )

    def _said(self, message: EmailMessage, context: Context) -> Classification:
        if self._reader is not None:
            return self._reader.classify_outline(outline(message, context))
        return self._model.classify(message)


def _scores(said: Classification, before: Decision) -> Mapping[str, float]:
    """The probability of each category: the model's, the rest shared out as the rules had it."""
    told = {name: score for name, score in said.scores.items() if name in _CATEGORIES}
    left = max(0.0, 1.0 - sum(told.values()))
    others = {name: score for name, score in before.scores.items() if name not in told}
    whole = sum(others.values()) or 1.0
    shared = {name: left * score / whole for name, score in others.items()}
    return {name: told.get(name, shared.get(name, 0.0)) for name in map(str, Category)}


def _topic(category: Category, before: Decision) -> Topic:
    if before.topic is Topic.CALENDAR:
        return Topic.CALENDAR
    return TOPICS.get(category, Topic.GENERAL)
