"""Numbers that are named: orders, invoices, tickets, customers, shipments.

A number is taken where a word for its kind stands before it: "Order #123-1234567", "Rechnungs-Nr.:
RE-2026/0815", "tracking number is 1Z...". How sure that is depends on what lies between: a word for
number and a mark say more than a mere neighbourhood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sage_mail.pipeline.extraction.facts import Part, TextFact
from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.extraction.vocabulary import Hit, Vocabulary

__all__ = ["Identifier", "Identifiers"]

_GAP: Final = r"[ \t\xa0]{0,4}"
# Line ends count as a gap where a mark or a word for number announces the number.
_WIDE: Final = r"[ \t\xa0]{0,160}(?:\n[ \t\xa0]{0,160}){0,3}"
_ID: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_./=-]{0,58}[A-Za-z0-9])?"
_SPACED: Final = r"\d{2,4}(?: \d{2,5}){2,8}(?!\d)"
_DATE: Final = re.compile(
    r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}$|\d{4}[-/]\d{2}[-/]\d{2}$|\d{1,2}[:/]\d{2}$"
)
_AMOUNT: Final = re.compile(r"[\d.,]{0,20}[.,]\d{2}$")
_NOT_AFTER: Final = re.compile(r"[ \xa0]?(?:%|[€$£]|EUR\b|USD\b|GBP\b)|:\d|@")
_BRACKETED: Final = re.compile(r"[\[(]#?(?P<id>[A-Z]{2,10}-\d{1,10}|#\d{2,20})[\])]")
_SHORT: Final = 5
_YEARS: Final = range(1990, 2101)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number by its kind, its value and where it stands."""

    kind: str
    value: str
    passage: Passage
    start: int
    end: int
    confidence: float

    def fact(self) -> TextFact:
        """The identifier as a fact."""
        return self.passage.fact(TextFact, self.value, self.start, self.end, self.confidence)


class Identifiers:
    """Finds named numbers by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._labels = vocabulary.phrases("identifiers")
        words = vocabulary.words("numbers", "word") - {"#"}
        self._numbered = tuple(words)
        word = "|".join(map(re.escape, sorted(words, key=len, reverse=True))) or "(?!)"
        mark = rf"[:#\u2116=]|(?:is|ist|lautet|è|est|es)\b{_GAP}:?"
        self._tail = re.compile(
            rf"(?:'s|[.-])?{_GAP}(?:\((?=\#))?"
            rf"(?:(?P<word>(?:{word})(?![^\W\d_]))[.:]?{_GAP})?"
            rf"(?P<mark>(?:{mark}){_GAP}[:#\u2116]?)?"
            rf"(?P<gap>{_WIDE})#?{_GAP}(?P<id>{_SPACED}|{_ID})",
            re.IGNORECASE,
        )
        # Your order with Example no. 4711: a word or two of a name stand between.
        self._distant = re.compile(
            rf"(?:[ \xa0][^\s#:]{{1,30}}){{1,2}}[ \xa0](?P<gap>)(?P<mark>)"
            rf"(?:(?P<word>(?:{word})(?![^\W\d_]))[.:]?{_GAP}#?|#){_GAP}(?P<id>{_ID})",
            re.IGNORECASE,
        )

    def find(self, passages: Iterable[Passage]) -> Iterator[Identifier]:
        """The named numbers of the texts."""
        for passage in passages:
            yield from self._in(passage)

    def bracketed(self, subject: Passage) -> Iterator[Identifier]:
        """What help desks write into a subject without a word for it: [#4711], [SUP-12]."""
        for found in _BRACKETED.finditer(subject.text):
            start, end = found.span("id")
            value = found["id"].lstrip("#")
            yield Identifier("ticket", value, subject, start, end, 0.75)

    def _in(self, passage: Passage) -> Iterator[Identifier]:
        for hit in self._labels.find(passage):
            for pattern, factor in ((self._tail, 1.0), (self._distant, 0.85)):
                found = pattern.match(passage.text, hit.end)
                confidence = self._confidence(hit, found, passage) if found else 0.0
                if found and confidence:
                    start, end = found.span("id")
                    value = found["id"]
                    yield Identifier(hit.key, value, passage, start, end, confidence * factor)
                    break

    def _confidence(self, hit: Hit, found: re.Match[str], passage: Passage) -> float:
        """How likely the match is the number that is meant; 0.0 where it cannot be."""
        value = found["id"]
        digits = sum(letter.isdigit() for letter in value)
        numbered = bool(found["word"]) or hit.phrase.endswith(self._numbered)
        hashed = "#" in passage.text[hit.end : found.start("id")]
        marked = bool(found["mark"]) or hashed
        if not digits or _is_something_else(value, passage.text, found.end()):
            return 0.0
        if "\n" in found["gap"] and not (numbered or marked):
            return 0.0
        if " " in value and hit.key != "tracking":
            return 0.0
        if not (numbered or marked) and (len(value) < _SHORT or digits < 3):
            return 0.0
        certain = 0.95 if numbered and marked else 0.9 if numbered or hashed else 0.8
        if not (numbered or marked):
            certain = 0.7 if passage.part is not Part.SUBJECT else 0.8
        return certain - (0.1 if len(value) < _SHORT else 0.0)


def _is_something_else(value: str, text: str, end: int) -> bool:
    """Whether it is a date, a year, an amount, a percentage or the beginning of an address."""
    if _DATE.match(value) or _AMOUNT.fullmatch(value):
        return True
    if value.isdigit() and len(value) == 4 and int(value) in _YEARS:
        return True
    return _NOT_AFTER.match(text, end) is not None
