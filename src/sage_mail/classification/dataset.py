"""Labelled messages as a trainer sees them: features as numbers, sources, near-duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sage_mail.classification.clusters import Signature, clustered, digest, signature
from sage_mail.classification.features import Part, features
from sage_mail.classification.linear import HAM, SPAM, SPAM_LABELS
from sage_mail.classification.manifest import DataSource
from sage_mail.errors import TrainingImpossible
from sage_mail.pipeline.decision import Category

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["Dataset", "Labelled", "checked_labels", "require_known"]

# Features and their names take some 20 KB a message: 400 MB.
MOST_MESSAGES: Final = 20_000
_SPOKEN: Final = 12


@dataclass(frozen=True, slots=True)
class Labelled:
    """A message with the label that somebody gave it; ``weight`` is how much it counts."""

    message: EmailMessage
    label: str
    source: str
    weight: float = 1.0
    licence: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    source: str
    weight: float
    licence: str
    features: NDArray[np.int32]
    signature: Signature


class Dataset:
    """Labelled messages, of which no text is kept but the features."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = tuple(parts)
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._rows: list[_Row] = []

    @classmethod
    def of(cls, messages: Iterable[Labelled], parts: Iterable[Part]) -> Dataset:
        """The data set of all these messages."""
        data = cls(parts)
        for message in messages:
            data.add(message)
        return data

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def is_full(self) -> bool:
        """Whether it takes no more messages."""
        return len(self._rows) >= MOST_MESSAGES

    @property
    def labels(self) -> list[str]:
        """The label of each message."""
        return [row.label for row in self._rows]

    @property
    def sources(self) -> list[str]:
        """The source of each message."""
        return [row.source for row in self._rows]

    def add(self, labelled: Labelled) -> bool:
        """Take in a message; False if the data set is full."""
        if self.is_full:
            return False
        found = features(labelled.message, self.parts)
        self._rows.append(
            _Row(
                label=labelled.label,
                source=labelled.source,
                weight=labelled.weight,
                licence=labelled.licence,
                features=np.array(self._numbered(found), dtype=np.int32),
                signature=signature(_shingles(labelled.message, found)),
            )
        )
        return True

    def features_of(self, position: int) -> Iterator[str]:
        """The features of the message at the position."""
        return (self._names[number] for number in self._rows[position].features)

    def digests(self) -> list[int]:
        """What stands for each message when it is to be recognised later."""
        return [digest(row.signature) for row in self._rows]

    def clusters(self) -> list[int]:
        """For each message the number of its cluster of near-duplicates."""
        return clustered([row.signature for row in self._rows])

    def weights(self) -> NDArray[np.float64]:
        """How much each message counts."""
        return np.array([row.weight for row in self._rows])

    def matrix(self, positions: Sequence[int] | NDArray[np.intp]) -> tuple[Any, list[str]]:
        """A sparse matrix with a row for each position and ones where a feature is; their names."""
        from scipy.sparse import csr_matrix

        chosen = [self._rows[position].features for position in positions]
        ends = np.cumsum([0, *(len(row) for row in chosen)])
        columns = np.concatenate([*chosen, np.empty(0, np.int32)])
        ones = np.ones(len(columns))
        shape = (len(chosen), len(self._names))
        return csr_matrix((ones, columns, ends), shape=shape), self._names

    def described(self) -> tuple[DataSource, ...]:
        """What the manifest tells of the data, by source and label."""
        clusters = self.clusters()
        found: dict[tuple[str, str, str], list[int]] = {}
        for row, cluster in zip(self._rows, clusters, strict=True):
            found.setdefault((row.source, row.label, row.licence), []).append(cluster)
        return tuple(
            DataSource(
                source=source,
                label=label,
                licence=licence,
                messages=len(of),
                clusters=len(set(of)),
            )
            for (source, label, licence), of in sorted(found.items())
        )

    def _numbered(self, found: frozenset[str]) -> list[int]:
        numbers = []
        for feature in sorted(found):
            number = self._numbers.setdefault(feature, len(self._names))
            if number == len(self._names):
                self._names.append(feature)
            numbers.append(number)
        return sorted(numbers)


def checked_labels(data: Dataset) -> tuple[str, ...]:
    """The labels of a model for these messages: categories, or ham and spam.

    Raises:
        TrainingImpossible: it is fewer than two, or others.
    """
    found = set(data.labels)
    if found == {HAM, SPAM}:
        return SPAM_LABELS
    require_known(data.labels, data.sources)
    if len(found) < 2:
        raise TrainingImpossible(
            f'all messages have the label "{min(found)}"; give at least two labels'
        )
    return tuple(category for category in Category if category in found)


def require_known(labels: Iterable[str], sources: Iterable[str]) -> None:
    """Make sure that there are labels, and only such as a classifier may say.

    There is a source for each label; the text names that of a wrong one.

    Raises:
        TrainingImpossible: there are none, or others.
    """
    places = dict(zip(labels, sources, strict=True))
    found = set(places)
    if not found:
        raise TrainingImpossible("there is no mail in what was named; name labelled mail")
    unknown = sorted(found - set(Category))
    if unknown and not found <= {HAM, SPAM}:
        raise TrainingImpossible(
            f'{places[unknown[0]]}: "{unknown[0]}" is no label; '
            f"use categories ({', '.join(Category)}), "
            f"or {HAM} and {SPAM} alone"
        )


def _shingles(message: EmailMessage, found: frozenset[str]) -> frozenset[str]:
    """Two words in a row, or whatever there is of a message with hardly any."""
    pairs = frozenset(feature for feature in found if feature[0] == "w" and " " in feature)
    if len(pairs) < _SPOKEN:
        return found or frozenset({message.subject})
    return pairs
