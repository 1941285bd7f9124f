"""A trained linear model: numbers for features, added up and turned into probabilities.

What scikit-learn has learnt is kept as plain arrays, and applied here to one message at a time:
its own prediction spends most of its time on checks that are made for thousands of rows. A test
holds the two to the same probabilities.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sage_mail.classification.features import Part, features_of_outline, field_of, readable
from sage_mail.classification.protocol import Classification
from sage_mail.pipeline.decision import Reason
from sage_mail.pipeline.outline import Outline

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["HAM", "SPAM", "SPAM_LABELS", "LinearModel"]

SPAM: Final = "spam"
HAM: Final = "ham"
#: The labels of a model that tells spam from all else.
SPAM_LABELS: Final = (HAM, SPAM)

_MOST_REASONS: Final = 10
# Beyond this the exponential overflows, and 1e-13 is certainty enough.
_STEEPEST: Final = 30.0
_NO_NAME: Final = re.compile(r"[^\w. -]+")

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Weights of features for labels, with the calibration of the sums.

    ``weights`` has a row for each label, or one row for the second of two; ``idf`` has the rarity
    of each feature of the vocabulary. The probability of a row is ``1 / (1 + exp(slope * sum +
    offset))`` (Platt 1999), those of several rows are divided by their sum. ``threshold`` is the
    confidence below which the model abstains. ``known`` are the digests of what it learnt from.
    """

    name: str
    labels: tuple[str, ...]
    parts: tuple[Part, ...]
    vocabulary: tuple[str, ...]
    idf: Floats
    weights: Floats
    intercepts: Floats
    slopes: Floats
    offsets: Floats
    threshold: float
    known: frozenset[int] = frozenset()
    _index: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        positions = {feature: position for position, feature in enumerate(self.vocabulary)}
        object.__setattr__(self, "_index", positions)
        object.__setattr__(self, "name", _NO_NAME.sub("_", self.name)[:80])

    @property
    def is_about_spam(self) -> bool:
        """Whether it only tells spam from ham."""
        return self.labels == SPAM_LABELS

    def with_threshold(self, threshold: float) -> LinearModel:
        """The model that abstains below this confidence."""
        return replace(self, threshold=threshold)

    def classify(self, message: EmailMessage) -> Classification:
        """The likeliest label, or an abstention."""
        return self.classify_outline(Outline.of(message))

    def classify_outline(self, outlined: Outline, /) -> Classification:
        """The likeliest label of a message with this outline, or an abstention."""
        return self.classify_features(features_of_outline(outlined, self.parts))

    def classify_features(self, found: Iterable[str]) -> Classification:
        """The likeliest label of a message with these features, or an abstention."""
        numbers = set(map(self._index.get, found))
        numbers.discard(None)
        # In order, so that rounding does not depend on the order of a set.
        known = np.sort(np.fromiter(numbers, dtype=np.intp, count=len(numbers)))
        shares = self._shares(known)
        scores = self._probabilities(shares.sum(axis=1) + self.intercepts)
        best = int(scores.argmax())
        confidence = float(scores[best])
        return Classification(
            category=self.labels[best] if len(known) and confidence >= self.threshold else None,
            confidence=confidence,
            scores=dict(zip(self.labels, map(float, scores), strict=True)),
            reasons=self._reasons(best, known, shares),
        )

    def strongest(self, label: str, most: int) -> list[tuple[str, float]]:
        """The features that speak most for the label, with their weights, strongest first."""
        row, sign = self._row(self.labels.index(label))
        weights = sign * self.weights[row] * self.idf
        order = np.argsort(-weights)[:most]
        return [(self.vocabulary[at], float(weights[at])) for at in order if weights[at] > 0]

    def _shares(self, known: NDArray[np.intp]) -> Floats:
        """What each known feature adds to the sum of each row."""
        values = self.idf[known]
        length = float(np.sqrt(values @ values)) or 1.0
        shares: Floats = self.weights[:, known] * (values / length)
        return shares

    def _probabilities(self, sums: Floats) -> Floats:
        steepness = np.clip(self.slopes * sums + self.offsets, -_STEEPEST, _STEEPEST)
        single: Floats = 1.0 / (1.0 + np.exp(steepness))
        if len(single) == 1:
            return np.array([1.0 - single[0], single[0]])
        several: Floats = single / single.sum()
        return several

    def _row(self, label: int) -> tuple[int, float]:
        """The row that speaks about the label, and -1 if it speaks against it."""
        if len(self.weights) > 1:
            return label, 1.0
        return 0, 1.0 if label == 1 else -1.0

    def _reasons(self, label: int, known: NDArray[np.intp], shares: Floats) -> tuple[Reason, ...]:
        row, sign = self._row(label)
        weights = -self.slopes[row] * sign * shares[row]
        order = np.argsort(-np.abs(weights))[:_MOST_REASONS]
        return tuple(
            self._reason(self.labels[label], self.vocabulary[known[at]], float(weights[at]))
            for at in order
        )

    def _reason(self, label: str, feature: str, weight: float) -> Reason:
        return Reason(label, readable(feature), field_of(feature), weight)
