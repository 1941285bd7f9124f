"""A text to look into, prepared once: lower case, words, and facts with their place in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from functools import cached_property
from typing import Any, Final, TypeVar

from sage_mail.pipeline.extraction.facts import MOST_FACTS, Fact, Part

__all__ = ["Passage", "Remembering", "best"]

# As in the JSON of a fact: enough to recognise the place by.
_TEXT_LIMIT: Final = 200
_URL: Final = re.compile(r"(?:https?|ftp)://\S+")
_WORD: Final = re.compile(r"\w+")
# All of these are one character wide, so that places in the lowered text are places in the text.
_SAME_WIDTH: Final = str.maketrans(
    {"\n": " ", "\t": " ", "\r": " ", "\xa0": " ", "\u202f": " ", "\u2019": "'", "\u2011": "-"}
)

F = TypeVar("F", bound=Fact[Any])
T = TypeVar("T")


class Remembering:
    """Keeps what was concluded about it, since several extractions ask for the same."""

    def __init__(self) -> None:
        self._remembered: dict[Hashable, Any] = {}

    def remember(self, key: Hashable, make: Callable[[], T]) -> T:
        """What *make* makes, made once for each key."""
        if key not in self._remembered:
            self._remembered[key] = make()
        known: T = self._remembered[key]
        return known


class Passage(Remembering):
    """One text of a message: the subject, a body, or the text of an attachment.

    ``whole`` is the passage of which this one is what is left where something was hidden, with
    everything at its place.
    """

    def __init__(self, part: Part, text: str, whole: Passage | None = None) -> None:
        super().__init__()
        self.part = part
        self.text = text
        self.whole = whole

    @cached_property
    def lowered(self) -> str:
        """The text in lower case, its white space and links as spaces; nothing loses its place."""
        lowered = self.text.lower()
        if len(lowered) != len(self.text):
            # A few capitals, such as I with a dot, have two characters as small letters.
            lowered = "".join(
                small if len(small := letter.lower()) == 1 else letter for letter in self.text
            )
        if "://" in lowered:
            lowered = _URL.sub(lambda url: " " * len(url[0]), lowered)
        return lowered.translate(_SAME_WIDTH)

    @cached_property
    def tokens(self) -> list[str]:
        """The words of the text in lower case, in their order."""
        return _WORD.findall(self.lowered)

    @cached_property
    def words(self) -> frozenset[str]:
        """The different words of the text in lower case."""
        return frozenset(self.tokens)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Those of the words that have digits in them."""
        return frozenset(word for word in self.words if not word.isalpha())

    def fact(self, kind: type[F], value: object, start: int, end: int, confidence: float) -> F:
        """A fact that stands at *start* to *end* of this text, without the space at its end."""
        end = start + len(self.text[start:end].rstrip())
        return kind(
            value=value,
            confidence=round(confidence, 2),
            part=self.part,
            text=self.text[start : min(end, start + _TEXT_LIMIT)],
            start=start,
            end=end,
        )


def best(facts: Iterable[F]) -> tuple[F, ...]:
    """The facts without repetitions, the surest of each value, at most `MOST_FACTS` of them.

    They keep the order in which their values were first seen.
    """
    chosen: dict[Any, F] = {}
    for fact in facts:
        known = chosen.get(fact.value)
        if known is None or fact.confidence > known.confidence:
            chosen[fact.value] = fact
    return tuple(list(chosen.values())[:MOST_FACTS])
