"""What kind of message this is: category, kind and topic, with the confidence and the reasons.

A rule-based classifier in the form of a probabilistic one. Each category starts with a prior;
words in subject, sender and body, and signals of headers and shape, add log-odds to it; softmax
turns the sums into probabilities. So confidence grows with the evidence and shrinks with the
evidence for something else, and each piece of it can be listed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sage_mail.pipeline.decision import Category, Contribution, Field, Kind, Reason, Topic
from sage_mail.pipeline.lexicon import Lexicon, Model
from sage_mail.pipeline.signals import signals
from sage_mail.pipeline.stage import Context
from sage_mail.pipeline.text import Wording, body_text, wording

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["TARGETS", "Classify"]

_CATEGORIES: Final = tuple(str(category) for category in Category)
#: What word lists may speak for, beside the categories.
TARGETS: Final = frozenset({*_CATEGORIES, "bulk", "order", "calendar", "high"})

_EXPLAINED: Final = frozenset({*_CATEGORIES, "bulk"})
# Words that say "sent to many", such as how to unsubscribe, speak for both.
_SENT_TO_MANY: Final = (str(Category.NEWSLETTER), str(Category.MARKETING))
# Evidence from which kind and topic follow, in nats: one phrase that leaves little doubt, or
# several that together do.
_CLEAR: Final = 3.0
# The probability from which support counts as the kind, whichever category leads.
_LIKELY: Final = 0.5
# The strongest reasons explain a decision; the rest would only fill the store.
_MOST_REASONS: Final = 40


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Reasons with the weights that count, and their sums by target."""

    reasons: list[Reason]
    sums: Mapping[str, float]


class Classify:
    """Sets category, confidence, scores, kind and topic, and gives the reasons."""

    name = "classify"

    def __init__(self, model: Model, lexicon: Mapping[Field, Lexicon]) -> None:
        self._model = model
        wanted = TARGETS - {"high"}
        self._lexicon = {field: rules.only(wanted) for field, rules in lexicon.items()}

    def __call__(self, message: EmailMessage, _context: Context, /) -> Contribution:
        """The classification of the message."""
        body = wording(body_text(message))
        signalled = tuple(signals(message, body))
        words = self._counted([*self._matches(message, body)])
        headers = [*self._signal_reasons(signalled)]
        scores = self._scores(words.sums, headers)
        category = max(scores, key=lambda name: scores[name])
        reasons = [reason for reason in words.reasons if reason.target in _EXPLAINED] + headers
        reasons.sort(key=lambda reason: -abs(reason.weight))
        return Contribution(
            category=Category(category),
            confidence=scores[category],
            scores=scores,
            reasons=tuple(reasons[:_MOST_REASONS]),
            kind=_kind(message, scores, words.sums),
            topic=_topic(Category(category), signalled, words.sums),
        )

    def _matches(self, message: EmailMessage, body: Wording) -> Iterator[Reason]:
        model = self._model
        length = math.sqrt(model.usual_length / max(body.count, 1))
        length = min(length, model.most_for_short)
        texts = (
            (Field.SUBJECT, wording(message.subject), 1.0),
            (Field.SENDER, wording(_sender_text(message)), 1.0),
            (Field.BODY, body, length),
        )
        for field, text, factor in texts:
            for rule in self._lexicon[field].matches(text):
                yield Reason(rule.target, rule.phrase, field, rule.weight * factor)

    def _counted(self, matches: list[Reason]) -> _Evidence:
        """The matches with the weight that each adds once the stronger ones have been counted."""
        matches.sort(key=lambda reason: (-abs(reason.weight), reason.rule))
        share: defaultdict[str, float] = defaultdict(lambda: 1.0)
        sums: defaultdict[str, float] = defaultdict(float)
        reasons = []
        for match in matches:
            weight = match.weight * share[match.target]
            share[match.target] *= self._model.decay
            sums[match.target] += weight
            reasons.append(Reason(match.target, match.rule, match.field, weight))
        return _Evidence(reasons, sums)

    def _signal_reasons(self, signalled: tuple[str, ...]) -> Iterator[Reason]:
        for signal in signalled:
            for target, weight in self._model.signals[signal].items():
                yield Reason(target, signal, Field.HEADERS, weight)

    def _scores(self, words: Mapping[str, float], headers: list[Reason]) -> dict[str, float]:
        sums = {name: self._model.priors[name] + words.get(name, 0.0) for name in _CATEGORIES}
        for name in _SENT_TO_MANY:
            sums[name] += words.get("bulk", 0.0)
        for reason in headers:
            sums[reason.target] += reason.weight
        return _softmax({name: total / self._model.temperature for name, total in sums.items()})


def _softmax(sums: Mapping[str, float]) -> dict[str, float]:
    highest = max(sums.values())
    powers = {name: math.exp(value - highest) for name, value in sums.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}


def _sender_text(message: EmailMessage) -> str:
    """The words by which the sender calls itself; the domain proper is a name, not a word."""
    sender = message.from_address
    if sender is None:
        return ""
    subdomains = " ".join(sender.host.split(".")[:-2])
    return f"{sender.name} {sender.mailbox.replace('_', ' ')} {subdomains}"


def _kind(message: EmailMessage, scores: Mapping[str, float], words: Mapping[str, float]) -> Kind:
    if scores[Category.SUPPORT] >= _LIKELY:
        return Kind.SUPPORT
    if words.get("order", 0.0) >= _CLEAR and scores[Category.SPAM] < _LIKELY:
        return Kind.ORDER
    return Kind.ATTACHMENTS if message.has_attachments() else Kind.GENERAL


def _topic(category: Category, signalled: tuple[str, ...], words: Mapping[str, float]) -> Topic:
    if "calendar" in signalled:
        return Topic.CALENDAR
    if category in _TOPICS:
        return _TOPICS[category]
    if words.get("calendar", 0.0) >= _CLEAR:
        return Topic.CALENDAR
    return Topic.GENERAL


_TOPICS: Final[Mapping[Category, Topic]] = {
    Category.SUPPORT: Topic.SUPPORT,
    Category.SALES: Topic.SALES,
    Category.NEWSLETTER: Topic.NEWSLETTER,
    Category.MARKETING: Topic.NEWSLETTER,
}
