"""What a linear model sees of a message: a bounded number of short texts, its features.

A feature is a letter for where it was found, a colon and what: ``s:`` a word of the subject, ``w:``
a word or two neighbouring words of the body, ``c:`` a few neighbouring characters, ``h:`` a signal
of the headers or the shape. Digits are all alike, so that no model learns a year or a price, and
links, quoted text and signatures are left out.

A trained model fits one version of these rules only: whoever changes what a message's features are
raises `VERSION`, and models of another version are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from sage_mail.pipeline.decision import Field
from sage_mail.pipeline.outline import Outline
from sage_mail.pipeline.text import Wording

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage

__all__ = ["VERSION", "Part", "features", "features_of_outline", "field_of", "readable"]

VERSION: Final = 1

# A mail says what it is about at its beginning; more words cost time and add noise.
_MOST_WORDS: Final = 400
_MOST_SUBJECT_WORDS: Final = 40
# Longer words are identifiers, which no other message has.
_LONGEST_WORD: Final = 24
# Characters are for misspellings and inflection, for which a paragraph is enough.
_MOST_CHARACTERS: Final = 300
_NEIGHBOURS: Final = (3, 4)
_DIGIT: Final = re.compile(r"\d")

_FIELDS: Final = {
    "s": Field.SUBJECT,
    "w": Field.BODY,
    "c": Field.BODY,
    "h": Field.HEADERS,
}


class Part(StrEnum):
    """A family of features; a model is trained on some of them or all."""

    WORDS = "words"
    CHARACTERS = "characters"
    HEADERS = "headers"


def features(message: EmailMessage, parts: Iterable[Part]) -> frozenset[str]:
    """The features of the message that belong to the parts.

    At most some 1,500, in a time that does not grow with the message: its text is cut first.
    """
    return features_of_outline(Outline.of(message), parts)


def features_of_outline(outlined: Outline, parts: Iterable[Part]) -> frozenset[str]:
    """The features of a message with this outline that belong to the parts."""
    wanted = frozenset(parts)
    found: set[str] = set()
    subject = _plain(outlined.subject, _MOST_SUBJECT_WORDS)
    words = _plain(outlined.body, _MOST_WORDS)
    if Part.WORDS in wanted:
        found.update(f"s:{word}" for word in subject if len(word) <= _LONGEST_WORD)
        found.update(_words(words))
    if Part.CHARACTERS in wanted:
        found.update(_characters(subject, words))
    if Part.HEADERS in wanted:
        found.update(f"h:{name}" for name in outlined.signals)
    return frozenset(found)


def field_of(feature: str) -> Field:
    """The part of a message in which the feature was found."""
    return _FIELDS[feature[0]]


def readable(feature: str) -> str:
    """The feature as people read it: the words or characters, without the letter of its family."""
    kind, _, text = feature.partition(":")
    return f"\N{HORIZONTAL ELLIPSIS}{text}\N{HORIZONTAL ELLIPSIS}" if kind == "c" else text


def _plain(text: Wording, most: int) -> list[str]:
    return _DIGIT.sub("0", text.joined[: most * (_LONGEST_WORD + 1)]).split()[:most]


def _words(words: list[str]) -> list[str]:
    short = [word for word in words if len(word) <= _LONGEST_WORD]
    return [f"w:{word}" for word in short] + [f"w:{one} {two}" for one, two in pairwise(short)]


def _characters(subject: list[str], words: list[str]) -> list[str]:
    text = f" {' '.join((*subject, *words))} "[:_MOST_CHARACTERS]
    return [
        f"c:{text[start : start + length]}"
        for length in _NEIGHBOURS
        for start in range(len(text) - length + 1)
    ]
