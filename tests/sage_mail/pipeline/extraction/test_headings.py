"""Tables whose headings stand above their values."""

from __future__ import annotations

from datetime import date

from sage_mail.pipeline.extraction import OrderFacts
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, source


def _table(*rows: str) -> str:
    cells = ("".join(f"<td><p>{cell}</p></td>" for cell in row.split("|")) for row in rows)
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def _read(html: str) -> OrderFacts:
    facts = EXTRACTOR.orders(source("Thanks", "", html=html))
    assert facts is not None
    return facts


def test_values_stand_below_their_headings() -> None:
    """Number, day and total, none of which stands behind its label in the text."""
    facts = _read(_table("Order number|Order date|Total", "4711-22|2026-11-20|$12.00"))

    assert [fact.value for fact in facts.order_numbers] == ["4711-22"]
    assert facts.order_numbers[0].text == "4711-22"
    assert facts.order_numbers[0].start is None
    assert facts.ordered is not None
    assert facts.ordered.value == date(2026, 11, 20)
    assert facts.total is not None
    assert str(facts.total.value.amount) == "12.00"


def test_of_several_rows_only_numbers_are_told() -> None:
    """Each shipment has its number; the amounts are those of lines, and the sum is none of them."""
    facts = _read(
        _table("Invoice no.|Tracking number|Total", "A-1|AB1234567|$5.00", "A-2|AB7654321|$7.00")
    )

    assert [fact.value for fact in facts.invoice_numbers] == ["A-1", "A-2"]
    assert [fact.value.number for fact in facts.tracking_numbers] == ["AB1234567", "AB7654321"]
    assert facts.total is None


def test_a_table_of_another_width_ends_it() -> None:
    """Only rows with a value for each heading belong to them, and headings are no values."""
    html = _table("Order number|Order date", "Order total|Due date", "A-1|2026-11-20|x")

    assert EXTRACTOR.orders(source("Thanks", "", html=html)) is None
