"""Mail to learn from: made of words by which its label shows, and of others."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import cache

from sage_imap.models.email import EmailMessage
from sage_mail.classification.dataset import Dataset, Labelled
from sage_mail.classification.linear import LinearModel
from sage_mail.classification.making import Made, make
from sage_mail.classification.training import ALL_PARTS, Learning
from tests.sage_mail.pipeline.drafts import mail

__all__ = ["CATEGORIES", "SPAMMY", "dataset", "labelled", "made", "message", "spam_model", "text"]

SPAMMY: Mapping[str, str] = {
    "ham": "meeting report minutes agenda colleague project draft review schedule budget",
    "spam": "casino lottery winner prize viagra jackpot pills refinance millions wire",
}
CATEGORIES: Mapping[str, str] = {
    "support": "printer error crash broken password screen restart fault ticket login",
    "sales": "invoice quote chairs delivery purchase discount payment price order receipt",
    "personal": "dinner weekend grandma holiday birthday garden photos love kids beach",
}
# fmt: off
_FILLER = [
    "the", "and", "of", "to", "in", "for", "with", "about", "from", "this", "that", "some", "many",
    "river", "stone", "letter", "window", "orange", "paper", "morning", "evening", "walk", "train",
    "number", "little", "green", "house", "table", "simple", "other",
]
# fmt: on


def text(words: str, number: int, length: int = 40) -> str:
    """A text of its own that is made of these words and of filler."""
    chance = random.Random(f"{words} {number}")
    return " ".join(
        chance.choice(words.split() if chance.random() < 0.3 else _FILLER) for _ in range(length)
    )


def message(words: str, number: int) -> EmailMessage:
    return mail(f"Number {number}", text(words, number))


def labelled(kinds: Mapping[str, str], count: int) -> Iterator[Labelled]:
    for label, words in kinds.items():
        for number in range(count):
            yield Labelled(message(words, number), label, f"source {number % 2}")


def dataset(kinds: Mapping[str, str], count: int = 40) -> Dataset:
    return Dataset.of(labelled(kinds, count), ALL_PARTS)


@cache
def made(*, spam: bool) -> Made:
    """A model that is as good as such easy mail allows, the same at each call."""
    return make(dataset(SPAMMY if spam else CATEGORIES), "test", Learning(threshold=0.6))


def spam_model() -> LinearModel:
    return made(spam=True).model
