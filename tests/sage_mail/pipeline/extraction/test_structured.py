"""What mails tell machines, whoever wrote it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sage_mail.pipeline.extraction.document import Document
from sage_mail.pipeline.extraction.facts import MOST_FACTS, Money
from sage_mail.pipeline.extraction.structured import Structured, read_structured
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, source


def _told(script: str) -> Structured:
    markup = f'<script type="application/ld+json">{script}</script><p>Hello</p>'
    return read_structured(Document(markup).structured)


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ("12.50", "12.50"),
        ('"12.50"', "12.50"),
        ('"12,99"', "12.99"),
        ('"1.234,56"', "1234.56"),
        ('"1,234.56"', "1234.56"),
        ('"€ 12.99"', "12.99"),
        ('"12,99 EUR"', "12.99"),
        ('"-5.00"', "-5.00"),
        ("1000", "1000"),
        ("1e3", "1E+3"),
    ],
)
def test_a_price_is_read_by_its_marks(price: str, amount: str) -> None:
    """As a number of JSON or as a text, with the marks of any country, to the cent."""
    told = _told(f'{{"@type": "Order", "price": {price}, "priceCurrency": "EUR"}}')

    assert [fact.value for fact in told.totals] == [Money(amount=Decimal(amount), currency="EUR")]


@pytest.mark.parametrize(
    "price",
    [
        "1e99999999999999999999",
        "1E400",
        '"1E400"',
        '"1.5e3"',
        "NaN",
        "Infinity",
        '"1.234"',
        '"12 of 20"',
        "true",
        "9" * 4_000,
        "1e-400",
    ],
)
def test_what_is_no_price_is_passed_over(price: str) -> None:
    """Exponents, what is beyond all money, and what can be read in two ways; the rest is kept."""
    told = _told(f'{{"@type": "Order", "orderNumber": "A-1", "price": {price}}}')

    assert told.totals == []
    assert [fact.value for fact in told.orders] == ["A-1"]


def test_a_number_beyond_reckoning_costs_nothing_else() -> None:
    """The total that people see is found, and every stage gives its facts."""
    html = (
        '<script type="application/ld+json">{"@type":"Order","price":1e99999999999999999999}'
        "</script><p>Order #4711-22 total 12,00 EUR</p>"
    )
    read = source("Order", "", html=html)
    facts = EXTRACTOR.orders(read)

    assert facts is not None
    assert facts.total is not None
    assert str(facts.total.value.amount) == "12.00"
    assert EXTRACTOR.analysis(read).entities.money != ()


@pytest.mark.parametrize(
    "script",
    [
        '// <![CDATA[\n{"@type": "Order", "orderNumber": "A-1"}\n// ]]>',
        '/*<![CDATA[*/{"@type": "Order", "orderNumber": "A-1"}/*]]>*/',
        '<!--\n{"@type": "Order", "orderNumber": "A-1"}\n-->',
        '{"@type": "http://schema.org/Order/", "orderNumber": "A-1"}',
        '{"@type": "schema:Order", "orderNumber": "A-1"}',
        '{"@type": ["Order", "Thing"], "orderNumber": ["A-1", "A-2"]}',
        '{"@graph": [1, {"@type": "https://schema.org/Order", "orderNumber": "A-1"}]}',
    ],
)
def test_scripts_are_read_however_they_are_wrapped(script: str) -> None:
    """Marks of XML around the JSON, and types by any prefix."""
    assert [fact.value for fact in _told(script).orders] == ["A-1"]


@pytest.mark.parametrize("script", ["", "{bad", "null", '"x"', "[" * 5_000, "{'a': 1}"])
def test_what_is_no_json_is_nothing(script: str) -> None:
    """Nothing raises, and nothing is made up."""
    assert _told(script) == Structured()


def test_several_things_for_one_price() -> None:
    """Each is a line, and the price is none of theirs."""
    offer = '{"itemOffered": [{"name": "Lamp"}, {"name": "Bulb"}], "price": "9.99"}'
    told = _told(f'{{"@type": "Order", "acceptedOffer": {offer}}}')

    assert [(fact.value.name, fact.value.unit_price) for fact in told.items] == [
        ("Lamp", None),
        ("Bulb", None),
    ]


def test_lines_are_bounded() -> None:
    """What comes after as many facts as there may be is not read."""
    offers: list[dict[str, Any]] = [{"name": f"Lamp {count}"} for count in range(100)]
    told = read_structured([{"@type": "Order", "acceptedOffer": offers}] * 3)

    assert len(told.items) == MOST_FACTS


@pytest.mark.parametrize("number", ["not a number!!", "hello", "", "12", "x" * 50 + "1"])
def test_what_is_no_tracking_number(number: str) -> None:
    """Words, signs and what is too short or too long for any carrier."""
    assert _told(f'{{"@type": "ParcelDelivery", "trackingNumber": "{number}"}}').tracking == []


def test_microdata_that_people_see_is_read_as_they_read_it() -> None:
    """The text of an element has the marks of its country."""
    html = (
        '<div itemscope itemtype="http://schema.org/Order/"><b itemprop="orderNumber">M-1</b>'
        '<span itemprop="price">12,99</span></div>'
    )
    told = read_structured(Document(html).structured)

    assert [str(fact.value.amount) for fact in told.totals] == ["12.99"]
