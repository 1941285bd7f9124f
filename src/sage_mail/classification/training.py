"""Learning a linear model from labelled messages, and setting aside what it is judged by.

Rarity-weighted features, logistic regression, and a calibration fitted on predictions for messages
that the regression has not seen (Platt 1999). Near-duplicates are never on both sides of a split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sage_mail.classification.dataset import Dataset, checked_labels
from sage_mail.classification.features import Part
from sage_mail.classification.linear import LinearModel
from sage_mail.errors import TrainingImpossible

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["ALL_PARTS", "Learning", "Split", "learn", "split"]

ALL_PARTS: Final = tuple(Part)
# Each side of a split, and each of the calibration, needs some of every label.
_FEWEST_CLUSTERS: Final = 8
_FOLDS: Final = 5
_SEED: Final = 1
_ROUNDS: Final = 2000

_Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Learning:
    """How to learn.

    ``strength`` is the inverse of the regularisation; a feature must be in ``rarest`` messages to
    count, and the ``most_features`` that tell the labels apart best (by chi squared) are kept.
    ``threshold`` is the confidence below which the model abstains.
    """

    strength: float = 10.0
    rarest: int = 3
    most_features: int = 40_000
    threshold: float = 0.7


@dataclass(frozen=True, slots=True)
class Split:
    """Positions in a data set to learn from and to judge by, and how many clusters they have."""

    learnt: _Positions
    held_out: _Positions


def split(data: Dataset) -> Split:
    """A quarter of the clusters of each label held out, the same at each call.

    Raises:
        TrainingImpossible: there are too few messages of a label, near-duplicates counted once.
    """
    clusters = _enough(data)
    learnt, held_out = next(_folds(4, data.labels, clusters))
    return Split(learnt, held_out)


def learn(
    data: Dataset, name: str, how: Learning, positions: _Positions | None = None
) -> LinearModel:
    """A model of the messages at the positions (of all).

    Raises:
        TrainingImpossible: there are too few messages of a label, or other labels than categories.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    every = data.labels
    labels = checked_labels(data)
    clusters = _enough(data)
    chosen = np.arange(len(data)) if positions is None else positions
    truths = [every[at] for at in chosen]
    numbers = np.array([labels.index(truth) for truth in truths])
    counts, vocabulary = _selected(data, chosen, numbers, how)
    rarity = TfidfTransformer().fit(counts)
    folds = list(_folds(_FOLDS, truths, [clusters[at] for at in chosen]))
    regression = LogisticRegression(C=how.strength, max_iter=_ROUNDS, class_weight="balanced")
    fitted = CalibratedClassifierCV(regression, cv=folds, ensemble=False).fit(
        rarity.transform(counts), numbers, sample_weight=data.weights()[chosen]
    )
    calibrated = fitted.calibrated_classifiers_[0]
    digests = data.digests()
    return LinearModel(
        name=name,
        labels=labels,
        parts=data.parts,
        vocabulary=vocabulary,
        idf=rarity.idf_,
        weights=calibrated.estimator.coef_,
        intercepts=calibrated.estimator.intercept_,
        slopes=np.array([float(one.a_) for one in calibrated.calibrators]),
        offsets=np.array([float(one.b_) for one in calibrated.calibrators]),
        threshold=how.threshold,
        known=frozenset(digests[at] for at in chosen),
    )


def _enough(data: Dataset) -> list[int]:
    """The clusters, if there are enough of each label."""
    checked_labels(data)
    clusters = data.clusters()
    count = Counter(label for label, _ in set(zip(data.labels, clusters, strict=True)))
    label, fewest = min(count.items(), key=lambda item: (item[1], item[0]))
    if fewest < _FEWEST_CLUSTERS:
        raise TrainingImpossible(
            f"there are {fewest} different messages labelled {label}, {_FEWEST_CLUSTERS} are the "
            "least (fifty are better; near-duplicates count once)"
        )
    return clusters


def _folds(count: int, labels: Sequence[str], clusters: Sequence[int]) -> Any:
    from sklearn.model_selection import StratifiedGroupKFold

    several = Counter(label for label, _ in set(zip(labels, clusters, strict=True)))
    folds = StratifiedGroupKFold(min(count, *several.values()), shuffle=True, random_state=_SEED)
    return folds.split(np.zeros(len(labels)), np.array(labels), np.array(clusters))


def _selected(
    data: Dataset, chosen: _Positions, numbers: NDArray[np.int_], how: Learning
) -> tuple[csr_matrix, tuple[str, ...]]:
    """The features that are frequent enough and tell most, in the order of their names."""
    from sklearn.feature_selection import chi2

    counts, names = data.matrix(chosen)
    frequent = np.flatnonzero(np.asarray(counts.sum(axis=0)).ravel() >= how.rarest)
    if not len(frequent):
        raise TrainingImpossible(f"no word stands in {how.rarest} of the messages; give more")
    telling = np.nan_to_num(chi2(counts[:, frequent], numbers)[0])
    best = frequent[np.argsort(-telling, kind="stable")[: how.most_features]]
    best = np.array(sorted(best, key=lambda at: names[at]))
    return counts[:, best], tuple(names[at] for at in best)
