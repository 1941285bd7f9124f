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
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeAlias

from sage_mail.pipeline.decision import Category, Contribution, Field, Kind, Reason, Topic
from sage_mail.pipeline.lexicon import Lexicon, Model, Rule
from sage_mail.pipeline.outline import Outline, outline
from sage_mail.pipeline.stage import Context
from sage_mail.pipeline.text import wording

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["TARGETS", "TOPICS", "Classify"]

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
_SENDER_LIMIT: Final = 500

# How strong, what it adds, the rule, where it was found. A tuple, since there are dozens a mail.
_Found: TypeAlias = tuple[float, float, Rule, Field]


class Classify:
    """Sets category, confidence, scores, kind and topic, and gives the reasons."""

    name = "classify"

    def __init__(self, model: Model, lexicon: Mapping[Field, Lexicon]) -> None:
        self._model = model
        wanted = TARGETS - {"high"}
        self._lexicon = {field: rules.only(wanted) for field, rules in lexicon.items()}

    def __call__(self, message: EmailMessage, context: Context, /) -> Contribution:
        """The classification of the message."""
        outlined = outline(message, context)
        signalled = outlined.signals
        sums: defaultdict[str, float] = defaultdict(float)
        found = [*self._words(message, outlined, sums), *self._signals(signalled, sums)]
        scores = self._scores(sums)
        category = Category(max(scores, key=lambda name: scores[name]))
        return Contribution(
            category=category,
            confidence=scores[category],
            scores=scores,
            reasons=_strongest(found),
            kind=_kind(message, scores, sums),
            topic=_topic(category, signalled, sums),
        )

    def _words(
        self, message: EmailMessage, outlined: Outline, sums: defaultdict[str, float]
    ) -> list[_Found]:
        """The rules that match, each with what it adds once the stronger ones have been counted."""
        matches = self._matches(message, outlined)
        matches.sort(key=lambda match: (-match[0], match[2].phrase))
        share: defaultdict[str, float] = defaultdict(lambda: 1.0)
        found = []
        for _, weight, rule, field in matches:
            counted = weight * share[rule.target]
            share[rule.target] *= self._model.decay
            sums[rule.target] += counted
            found.append((abs(counted), counted, rule, field))
        return found

    def _matches(self, message: EmailMessage, outlined: Outline) -> list[_Found]:
        model, body = self._model, outlined.body
        length = math.sqrt(model.usual_length / max(body.count, 1))
        length = min(length, model.most_for_short)
        texts = (
            (Field.SUBJECT, outlined.subject, 1.0),
            (Field.SENDER, wording(_sender_text(message)), 1.0),
            (Field.BODY, body, length),
        )
        return [
            (abs(rule.weight) * factor, rule.weight * factor, rule, field)
            for field, text, factor in texts
            for rule in self._lexicon[field].matches(text)
        ]

    def _signals(
        self, signalled: tuple[str, ...], sums: defaultdict[str, float]
    ) -> Iterator[_Found]:
        for signal in signalled:
            for target, weight in self._model.signals[signal].items():
                sums[target] += weight
                yield abs(weight), weight, Rule(target, signal, weight), Field.HEADERS

    def _scores(self, sums: Mapping[str, float]) -> dict[str, float]:
        totals = {name: self._model.priors[name] + sums.get(name, 0.0) for name in _CATEGORIES}
        for name in _SENT_TO_MANY:
            totals[name] += sums.get("bulk", 0.0)
        return _softmax({name: total / self._model.temperature for name, total in totals.items()})


def _strongest(found: list[_Found]) -> tuple[Reason, ...]:
    explaining = [entry for entry in found if entry[2].target in _EXPLAINED]
    explaining.sort(key=itemgetter(0), reverse=True)
    return tuple(
        Reason(rule.target, rule.phrase, field, weight)
        for _, weight, rule, field in explaining[:_MOST_REASONS]
    )


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
    return f"{sender.name} {sender.mailbox.replace('_', ' ')} {subdomains}"[:_SENDER_LIMIT]


def _kind(message: EmailMessage, scores: Mapping[str, float], words: Mapping[str, float]) -> Kind:
    if scores[Category.SUPPORT] >= _LIKELY:
        return Kind.SUPPORT
    if words.get("order", 0.0) >= _CLEAR and scores[Category.SPAM] < _LIKELY:
        return Kind.ORDER
    return Kind.ATTACHMENTS if message.has_attachments() else Kind.GENERAL


def _topic(category: Category, signalled: tuple[str, ...], words: Mapping[str, float]) -> Topic:
    if "calendar" in signalled:
        return Topic.CALENDAR
    if category in TOPICS:
        return TOPICS[category]
    if words.get("calendar", 0.0) >= _CLEAR:
        return Topic.CALENDAR
    return Topic.GENERAL


#: The topic that follows from a category; of the others it is calendar or general.
TOPICS: Final[Mapping[Category, Topic]] = {
    Category.SUPPORT: Topic.SUPPORT,
    Category.SALES: Topic.SALES,
    Category.NEWSLETTER: Topic.NEWSLETTER,
    Category.MARKETING: Topic.NEWSLETTER,
}
