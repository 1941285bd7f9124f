"""Tables whose headings stand above their values, put as lines of text: "Order number: 4711".

In the text of such a table all the headings come first, so that no label stands before its value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Final

from sage_mail.pipeline.extraction.facts import Part
from sage_mail.pipeline.extraction.passage import F, Passage
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import Hit, Vocabulary

__all__ = ["Headings"]

_TABLES: Final = ("identifiers", "dates", "amounts")
# "Order number  Order date": a word for number lies between two labels, and no value.
_APART: Final = 24
_COLUMNS: Final = 2
_HEADING_LIMIT: Final = 40
_MOST_LINES: Final = 60


class _Composed(Passage):
    """Text that stands nowhere as it is: what is found in it has no place."""

    def fact(self, kind: type[F], value: object, start: int, end: int, confidence: float) -> F:
        found = super().fact(kind, value, start, end, confidence)
        return found.model_copy(update={"start": None, "end": None})


class Headings:
    """Finds tables under headings by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._labels = [vocabulary.phrases(table) for table in _TABLES]

    def read(self, source: Source) -> tuple[Passage, ...]:
        """The values of such tables, each behind its heading; nothing where there are none."""
        document = source.document
        if document is None or not any(self._stand_together(body) for body in source.bodies):
            return ()
        lines = list(islice(self._lines(document.rows), _MOST_LINES))
        return (_Composed(Part.HTML, "\n".join(lines)),) if lines else ()

    def _hits(self, passage: Passage) -> list[Hit]:
        hits = [hit for labels in self._labels for hit in labels.find(passage)]
        return sorted(hits, key=lambda hit: hit.start)

    def _stand_together(self, passage: Passage) -> bool:
        """Whether two labels follow one another without a value: cheaper than reading tables."""
        return passage.part is Part.HTML and any(
            0 < following.start - hit.end <= _APART
            and not _has_digit(passage.text[hit.end : following.start])
            for hit, following in pairwise(self._hits(passage))
        )

    def _lines(self, rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
        for place, headings in enumerate(rows):
            if not self._are_headings(headings):
                continue
            values = self._below(rows, place)
            # Of several rows only numbers are told: their amounts are those of lines, not totals.
            wanted = range(len(headings)) if len(values) == 1 else self._numbered(headings)
            for cells in values:
                yield from (f"{headings[column]}: {cells[column]}" for column in wanted)

    def _below(self, rows: Sequence[tuple[str, ...]], place: int) -> list[tuple[str, ...]]:
        values = []
        for cells in rows[place + 1 :]:
            if len(cells) != len(rows[place]) or self._are_headings(cells):
                break
            values.append(cells)
        return values

    def _are_headings(self, cells: tuple[str, ...]) -> bool:
        if any(len(cell) > _HEADING_LIMIT or _has_digit(cell) for cell in cells):
            return False
        return sum(bool(self._hits(Passage(Part.HTML, cell))) for cell in cells) >= _COLUMNS

    def _numbered(self, headings: tuple[str, ...]) -> list[int]:
        numbers = self._labels[0]
        return [
            column
            for column, heading in enumerate(headings)
            if numbers.find(Passage(Part.HTML, heading))
        ]


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)
