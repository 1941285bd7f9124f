"""Amounts, however they are written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sage_mail.pipeline.extraction.facts import Money
from sage_mail.pipeline.extraction.money import Currencies, parse_number, parse_price
from tests.sage_mail.pipeline.extraction.reading import VOCABULARY, passage

_CURRENCIES = Currencies(VOCABULARY)


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("1.234,56 EUR", "1234.56", "EUR"),
        ("$1,234.56", "1234.56", "USD"),
        ("Rs 1939", "1939", "INR"),
        ("Rs. -40.00", "-40.00", "INR"),
        ("1.234 €", "1234", "EUR"),
        ("€ 5,-", "5", "EUR"),
        ("CHF 1’234.50", "1234.50", "CHF"),
        ("1 234,50 zł", "1234.50", "PLN"),
        ("£4", "4", "GBP"),
        ("12.5k USD", "12500", "USD"),
        ("-EUR 0,65", "-0.65", "EUR"),
        ("£13.98 GBP", "13.98", "GBP"),
        ("$12.00 CAD", "12.00", "CAD"),
        ("₹1,23,456.00", "123456.00", "INR"),
        ("2 Mio. Euro", "2000000", "EUR"),
        ("£-2.01", "-2.01", "GBP"),
        ("US$5", "5", "USD"),
        ("USD1,234.56", "1234.56", "USD"),
        ("EUR49.90", "49.90", "EUR"),
        ("49,90EUR", "49.90", "EUR"),
        ("CHF25", "25", "CHF"),
        ("1.23456 EUR", "1.23456", "EUR"),
        ("999999999999 EUR", "999999999999", "EUR"),
        ("50 Cent", "0.50", "EUR"),
        ("99¢", "0.99", "USD"),
        ("5 pence", "0.05", "GBP"),
    ],
)
def test_an_amount_is_found_with_its_currency(text: str, amount: str, currency: str) -> None:
    """The number beside a sign or name of a currency, exact to the cent."""
    (found,) = _CURRENCIES.find(passage(f"sum {text} in all"))

    assert found.value == Money(amount=Decimal(amount), currency=currency)
    assert found.text == text
    assert f"sum {text} in all"[found.start : found.end] == text


def test_each_number_has_its_own_sign() -> None:
    """A sign between two numbers belongs to one of them, and a percentage to none."""
    found = _CURRENCIES.find(passage("5,00 EUR 19% MwSt 0,95 EUR, item 262040736186 £1.99"))

    assert [str(fact.value.amount) for fact in found] == ["5.00", "0.95", "1.99"]


@pytest.mark.parametrize(
    "text", ["12 items", "10.0.0.1 and 31.12.2026", "a letter", "section $ 4a?", "100 % of 12"]
)
def test_numbers_without_a_currency_are_no_amounts(text: str) -> None:
    """Neither counts nor dates nor percentages are money."""
    assert [fact for fact in _CURRENCIES.find(passage(text)) if fact.value.currency != "USD"] == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234", "1234"),
        ("0.234", "0.234"),
        ("1'234'567", "1234567"),
        ("1.234.567", "1234567"),
        ("12,5", "12.5"),
        ("1 000", "1000"),
        ("7", "7"),
        ("1234.567", "1234.567"),
        ("1,23,456", "123456"),
    ],
)
def test_numbers_are_read_by_their_marks(text: str, number: str) -> None:
    """The last mark is the decimal one, unless it stands before three digits."""
    assert parse_number(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "x", "1,2.3,4", "1-2", ".", "١٢", "12.34.56", "1.2.3"])
def test_what_is_no_number_is_none(text: str) -> None:
    """No guess is made, and nothing raises."""
    assert parse_number(text) is None


def test_the_amount_of_a_cell() -> None:
    """A cell of a table holds one amount, with the currency of the table if it names none."""
    assert _CURRENCIES.parse("£4.49 GBP") == Money(amount=Decimal("4.49"), currency="GBP")
    assert _CURRENCIES.parse("4,49", "EUR") == Money(amount=Decimal("4.49"), currency="EUR")
    assert _CURRENCIES.parse("-4,49", "EUR") == Money(amount=Decimal("-4.49"), currency="EUR")
    assert _CURRENCIES.parse("----") is None
    assert _CURRENCIES.parse("1234567890123.45") is None


def test_after_a_label_two_decimals_are_enough() -> None:
    """Between places that a label names, an amount needs no currency, but cents."""
    text = passage("1 278.61 14.50% 40.39 319.00 2.60 LB 12:30")

    found = _CURRENCIES.between(text, 0, len(text.text))

    assert [str(fact.value.amount) for fact in found] == ["278.61", "40.39", "319.00"]


@pytest.mark.parametrize(
    "text",
    [
        "123456789012345 EUR",
        "EUR 1234567890123.45",
        "EUR1234567890123",
        "1.23456789 EUR",
        "1e5 EUR",
        "A4711 EUR",
    ],
)
def test_a_piece_of_a_number_is_no_amount(text: str) -> None:
    """Neither the tail of a longer number nor its beginning, nor what goes on a word."""
    assert _CURRENCIES.find(passage(f"Total: {text}")) == []
    assert _CURRENCIES.between(passage(f"Total: {text}.00"), 6, len(text) + 10) == []


def test_a_count_stands_before_the_price_of_one() -> None:
    """The x of "2x" belongs to no number."""
    found = _CURRENCIES.find(passage("2x9,99€ and 3 x4.50 €"))

    assert [str(fact.value.amount) for fact in found] == ["9.99", "4.50"]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("12,99", "12.99"),
        ("1.234,56", "1234.56"),
        (" USD 12.99 ", "12.99"),
        ("Rs. 5", "5"),
        ("-5.00", "-5.00"),
        ("1.234", None),
        ("1.5e3", None),
        ("1E400", None),
        ("12 99", None),
        ("5 of 6", None),
        ("", None),
    ],
)
def test_a_price_is_all_of_its_text(text: str, amount: str | None) -> None:
    """What stands beside it is its currency, or it is none; no guess is made between two."""
    assert parse_price(text) == (None if amount is None else Decimal(amount))
