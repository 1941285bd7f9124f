"""How good a classifier is, from what it said of messages whose label is known. Pure arithmetic."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sage_mail.classification.protocol import Classification

__all__ = ["ABSTAINED", "Bin", "Evaluation", "LabelScores", "Verdict", "evaluated"]

#: What stands for a label where the classifier abstained.
ABSTAINED: Final = "(abstained)"
_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was said about one message, beside the truth."""

    truth: str
    source: str
    said: Classification


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Precision, recall and F1 of one label; an abstention is no prediction. 0 where undefined."""

    label: str
    messages: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Messages of like confidence: the mean of it, and how often the likeliest label was right."""

    messages: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The judgement over all messages.

    ``confusion`` counts (truth, said); ``coverage`` is the share of messages about which it did not
    abstain, ``accuracy`` the share of those that it got right. ``by_source`` has for each source
    and truth how often each label was said. ``calibration_error`` is the mean difference between
    confidence and being right, over ``bins``.
    """

    labels: tuple[str, ...]
    messages: int
    confusion: Counter[tuple[str, str]]
    scores: tuple[LabelScores, ...]
    bins: tuple[Bin, ...]
    accuracy: float
    coverage: float
    calibration_error: float
    by_source: dict[tuple[str, str], Counter[str]]

    @property
    def macro_f1(self) -> float:
        """The mean of the labels' F1."""
        return sum(score.f1 for score in self.scores) / max(len(self.scores), 1)

    def numbers(self) -> dict[str, float]:
        """The scores that a manifest keeps."""
        found = {
            "accuracy": self.accuracy,
            "coverage": self.coverage,
            "macro_f1": self.macro_f1,
            "calibration_error": self.calibration_error,
        }
        for score in self.scores:
            found[f"precision_{score.label}"] = score.precision
            found[f"recall_{score.label}"] = score.recall
            found[f"f1_{score.label}"] = score.f1
        return {name: round(value, 4) for name, value in found.items()}


def evaluated(verdicts: Iterable[Verdict]) -> Evaluation:
    """The judgement over the verdicts."""
    every = list(verdicts)
    labels = tuple(sorted({verdict.truth for verdict in every}))
    confusion = Counter((verdict.truth, verdict.said.category or ABSTAINED) for verdict in every)
    spoken = sum(count for (_, said), count in confusion.items() if said != ABSTAINED)
    right = sum(confusion[label, label] for label in labels)
    bins = _bins(every)
    sources: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for verdict in every:
        sources[verdict.source, verdict.truth][verdict.said.category or ABSTAINED] += 1
    return Evaluation(
        labels=labels,
        messages=len(every),
        confusion=confusion,
        scores=tuple(_label_scores(label, confusion) for label in labels),
        bins=bins,
        accuracy=_share(right, spoken),
        coverage=_share(spoken, len(every)),
        calibration_error=_share(
            sum(one.messages * abs(one.confidence - one.right) for one in bins), len(every)
        ),
        by_source=dict(sorted(sources.items())),
    )


def _label_scores(label: str, confusion: Counter[tuple[str, str]]) -> LabelScores:
    messages = sum(count for (truth, _), count in confusion.items() if truth == label)
    said = sum(count for (_, told), count in confusion.items() if told == label)
    precision = _share(confusion[label, label], said)
    recall = _share(confusion[label, label], messages)
    return LabelScores(
        label, messages, precision, recall, _share(2 * precision * recall, precision + recall)
    )


def _bins(verdicts: Sequence[Verdict]) -> tuple[Bin, ...]:
    filled: defaultdict[int, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        filled[min(int(verdict.said.confidence * _BINS), _BINS - 1)].append(verdict)
    return tuple(
        Bin(
            messages=len(of),
            confidence=sum(verdict.said.confidence for verdict in of) / len(of),
            right=sum(_likeliest(verdict.said) == verdict.truth for verdict in of) / len(of),
        )
        for _, of in sorted(filled.items())
    )


def _likeliest(said: Classification) -> str:
    return max(said.scores, key=lambda label: said.scores[label], default="")


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
