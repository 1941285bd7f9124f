"""The lines of an order: from tables of the HTML body, and from lines like "2 x Lamp  9,99 €"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sage_mail.pipeline.extraction.facts import Item, ItemFact, Part
from sage_mail.pipeline.extraction.money import Currencies, parse_number
from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.extraction.totals import Totals
from sage_mail.pipeline.extraction.vocabulary import Vocabulary

__all__ = ["Items"]

_MOST_ITEMS: Final = 50
_NAME_LIMIT: Final = 200
_COLUMNS: Final = 2
_TIMES: Final = re.compile(
    r"^[ \t>*\u2022-]{0,8}(?P<count>\d{1,4})[ \t]?[x\u00d7X][ \t]{1,4}(?P<name>\S[^\n]{2,200})",
    re.MULTILINE,
)
# How far below its line the amount of an item may stand: a line or two.
_BELOW: Final = 160
_SELLER_LINES: Final = 3
_TRAILING: Final = re.compile(r"[ \t:.\u2013-]{1,80}$")


class Items:
    """Finds the lines of an order by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, currencies: Currencies, totals: Totals) -> None:
        self._columns = vocabulary.meanings("columns")
        self._currencies = currencies
        self._totals = totals

    def in_rows(self, rows: Sequence[tuple[str, ...]]) -> Iterator[ItemFact]:
        """The items of tables: below a row of headings, else each row that ends in an amount."""
        found = list(self._below_headings(rows))
        yield from (found or self._by_amount(rows))[:_MOST_ITEMS]

    def in_text(self, passage: Passage) -> Iterator[ItemFact]:
        """The items of lines that begin with how many there are."""
        for count, found in enumerate(_TIMES.finditer(passage.text)):
            if count == _MOST_ITEMS:
                return
            fact = self._line(passage, found)
            if fact is not None:
                yield fact

    def _below_headings(self, rows: Sequence[tuple[str, ...]]) -> Iterator[ItemFact]:
        columns: Mapping[str, int] = {}
        width = 0
        for cells in rows:
            headings = self._headings(cells)
            if headings:
                columns, width = headings, len(cells)
                continue
            if not columns or len(cells) != width or self._is_total(cells):
                columns = columns if len(cells) == width else {}
                continue
            fact = self._row(cells, columns)
            if fact is not None:
                yield fact

    def _headings(self, cells: tuple[str, ...]) -> dict[str, int]:
        found: dict[str, int] = {}
        for place, cell in enumerate(cells):
            key = self._columns.get(cell.strip(" :.*()").lower())
            if key is not None:
                found.setdefault(key, place)
        return found if "name" in found and len(found) >= _COLUMNS else {}

    def _row(self, cells: tuple[str, ...], columns: Mapping[str, int]) -> ItemFact | None:
        name = cells[columns["name"]].strip()[:_NAME_LIMIT]
        price = self._currencies.parse(cells[columns["price"]]) if "price" in columns else None
        amount = self._currencies.parse(cells[columns["amount"]]) if "amount" in columns else None
        quantity = cells[columns["quantity"]] if "quantity" in columns else ""
        if price is None and amount is None:
            return None
        item = Item(
            name=name, quantity=parse_number(quantity), unit_price=price, amount=amount or price
        )
        return _fact(item, cells, 0.9 if name else 0.6)

    def _by_amount(self, rows: Sequence[tuple[str, ...]]) -> list[ItemFact]:
        found = []
        for cells in rows:
            named = [cell for cell in cells if cell]
            if not _COLUMNS <= len(named) <= 5 or self._is_total(cells):
                continue
            amounts = list(self._currencies.find(Passage(Part.HTML, named[-1])))
            whole = amounts and len(amounts[0].text) >= len(named[-1]) - 2
            name = named[0]
            if whole and any(letter.isalpha() for letter in name) and len(name) <= _NAME_LIMIT:
                item = Item(name=name, amount=amounts[0].value)
                found.append(_fact(item, cells, 0.55))
        return found

    def _is_total(self, cells: tuple[str, ...]) -> bool:
        first = next((cell for cell in cells if cell), "")
        return self._totals.is_label(Passage(Part.HTML, first[:80]))

    def _line(self, passage: Passage, found: re.Match[str]) -> ItemFact | None:
        line_end = found.end()
        amounts = self._currencies.between(passage, found.start("name"), line_end)
        name_end = line_end
        if amounts:
            name_end = amounts[0].start or line_end
        else:
            below = passage.text[line_end : line_end + _BELOW].split("\n\n", 1)[0]
            lines = below.split("\n")[: _SELLER_LINES + 1]
            reach = line_end + len("\n".join(lines))
            amounts = self._currencies.between(passage, line_end, reach)
        name = _TRAILING.sub("", passage.text[found.start("name") : name_end]).strip()
        if not any(letter.isalpha() for letter in name):
            return None
        item = Item(
            name=name,
            quantity=parse_number(found["count"]),
            unit_price=amounts[0].value if len(amounts) > 1 else None,
            amount=amounts[-1].value if amounts else None,
        )
        confidence = 0.8 if amounts else 0.55
        return passage.fact(ItemFact, item, found.start("count"), line_end, confidence)


def _fact(item: Item, cells: tuple[str, ...], confidence: float) -> ItemFact:
    text = "  ".join(cell for cell in cells if cell)[:_NAME_LIMIT]
    return ItemFact(value=item, confidence=confidence, part=Part.HTML, text=text)
