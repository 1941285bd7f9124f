"""Orders, invoices, receipts and shipping notices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from sage_mail.pipeline.extraction import OrderFacts, Part, Source
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, MONDAY, source

_TABLE = """
<table><tr><th>Artikel</th><th>Menge</th><th>Einzelpreis</th><th>Gesamt</th></tr>
<tr><td>Lampe,<br>grün</td><td>2</td><td>9,99 €</td><td>19,98 €</td></tr>
<tr><td>Tisch</td><td>1</td><td>1.200,00 €</td><td>1.200,00 €</td></tr>
<tr><td>Zwischensumme</td><td></td><td></td><td>1.219,98 €</td></tr></table>
<p>Versand: 4,90 €</p><p>MwSt. 19%: 195,54 €</p><p>Gesamtbetrag 1.224,88 €</p>
"""


def _orders(subject: str, text: str, *, html: str = "", sender: str = "") -> OrderFacts:
    facts = EXTRACTOR.orders(source(subject, text, html=html, sender=sender))
    assert facts is not None
    return facts


def test_a_german_invoice_in_html() -> None:
    """Number, lines, shipping, tax, total and the day when it is due."""
    head = "<p>Rechnungsnummer: RE-4711</p><p>Zahlbar bis zum 31.12.2026</p>"
    facts = _orders("Ihre Bestellung 815-2026", "", html=head + _TABLE)

    assert [fact.value for fact in facts.invoice_numbers] == ["RE-4711"]
    assert [fact.value for fact in facts.order_numbers] == ["815-2026"]
    assert facts.total is not None
    assert str(facts.total.value.amount) == "1224.88"
    assert facts.shipping is not None
    assert str(facts.shipping.value.amount) == "4.90"
    assert facts.tax is not None
    assert str(facts.tax.value.amount) == "195.54"
    assert facts.due is not None
    assert facts.due.value == date(2026, 12, 31)
    assert [
        (fact.value.name, fact.value.quantity, str(fact.value.amount and fact.value.amount.amount))
        for fact in facts.items
    ] == [("Lampe, grün", Decimal(2), "19.98"), ("Tisch", Decimal(1), "1200.00")]


def test_a_shipping_notice_in_plain_text() -> None:
    """Order, arrival on the day that the mail's date tells, total on the line below its label."""
    text = (
        "Hi Ada, your package will arrive:\nFriday, November 27\n\nOrder #123-1234567-1234567\n\n"
        "Shipment total:\n$83.60\n\nTracking number 1Z5R89390357567127\n"
    )
    facts = _orders("Shipped", text, sender="ship@shop.com")

    assert facts.order_numbers[0].value == "123-1234567-1234567"
    assert facts.delivered is not None
    assert facts.delivered.value == date(2026, 11, 27)
    assert facts.total is not None
    assert facts.total.value.currency == "USD"
    assert facts.tracking_numbers[0].value.carrier == "ups"


def test_lines_that_begin_with_their_number() -> None:
    """ "2 x Lamp", with the amount on the same line or below."""
    text = "Order no. 4711-1\n2 x Green lamp   9.99   $19.98\n1 X Table\nSold by Wood Ltd\n£11.99\n"
    facts = _orders("Order", text)

    assert [
        (fact.value.name, str(fact.value.amount and fact.value.amount.amount))
        for fact in facts.items
    ] == [("Green lamp", "19.98"), ("Table", "11.99")]


def test_rows_without_headings_that_end_in_an_amount() -> None:
    """A small receipt has no headings; its total is no item."""
    html = (
        "<p>Receipt #4711-5</p><table><tr><td>Green lamp</td><td>$9.99</td></tr>"
        "<tr><td>Total</td><td>$9.99</td></tr></table>"
    )
    facts = _orders("Receipt", "", html=html)

    assert [fact.value.name for fact in facts.items] == ["Green lamp"]


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("Total (incl. VAT): 119.00 EUR\nVAT: 19.00 EUR", "119.00"),
        ("Subtotal 100.00 EUR\nTotal 119.00 EUR", "119.00"),
        ("Grand Total      1    278.61   40.39    319.00", "319.00"),
        ("You sent a payment of £4.49 GBP", "4.49"),
        ("Total 100 EUR\nTotal due 119 EUR", "119"),
        ("Gesamtsumme: 1.219,98 EUR", "1219.98"),
    ],
)
def test_the_total_is_the_surest_and_largest(text: str, total: str) -> None:
    """The strongest label decides; of a row of amounts the last is the sum."""
    facts = _orders("Invoice no. 4711-2", text)

    assert facts.total is not None
    assert str(facts.total.value.amount) == total


def test_the_currency_of_the_others_is_taken() -> None:
    """A column of amounts names its currency once."""
    facts = _orders("Invoice no. 4711-2", "Subtotal 100.00 EUR\nTotal 119.00")

    assert facts.total is not None
    assert facts.total.value.currency == "EUR"


@pytest.mark.parametrize(
    "text", ["Hello Ada,\nhow are you?", "It weighs 5.50 kg in total: 5.50 kg", ""]
)
def test_what_is_no_order(text: str) -> None:
    """A letter has no order facts."""
    assert EXTRACTOR.orders(source("Hello", text)) is None


def test_the_text_of_an_attachment() -> None:
    """An invoice as a PDF prints it, found in part ``attachment``."""
    text = "INVOICE        # A-17\nDate:  Jan 1, 2022\nDue Date:   Jan 31, 2022\nTotal:  $127.50\n"
    facts = EXTRACTOR.orders(Source.of_text(text, sent=MONDAY))

    assert facts is not None
    assert facts.invoice_numbers[0].part is Part.ATTACHMENT
    assert facts.due is not None
    assert facts.due.value == date(2022, 1, 31)


_LINKED = """
<script type="application/ld+json">[{"@type": "Order", "orderNumber": "LD-1", "price": 12.50,
"priceCurrency": "EUR", "orderDate": "2026-11-20T08:00:00Z", "acceptedOffer":
[{"@type": "Offer", "itemOffered": {"name": "Lamp"}, "price": "12.50", "priceCurrency": "EUR",
"eligibleQuantity": {"value": 2}}], "orderDelivery": {"@type": "ParcelDelivery", "trackingNumber":
"T-99", "carrier": {"name": "DHL"}, "expectedArrivalUntil": "2026-11-25"}}, 5]</script>
<script type="application/ld+json">{"@graph": [{"@type": "Invoice", "confirmationNumber": "I-2",
"paymentDueDate": "2026-99-01", "totalPaymentDue": {"price": "NaN"}}]}</script>
<script type="application/ld+json">{"@type": "Lodging</script>
"""


def test_what_is_told_to_machines_by_json() -> None:
    """JSON-LD of schema.org; what is broken in it is passed over."""
    facts = _orders("Thanks", "", html=_LINKED)

    assert [fact.value for fact in facts.order_numbers] == ["LD-1"]
    assert [fact.value for fact in facts.invoice_numbers] == ["I-2"]
    assert facts.total is not None
    assert str(facts.total.value.amount) == "12.50"
    assert facts.tracking_numbers[0].value.carrier == "dhl"
    assert facts.delivered is not None
    assert facts.ordered is not None
    assert facts.items[0].value.quantity == Decimal(2)
    assert facts.due is None


def test_what_is_told_to_machines_by_microdata() -> None:
    """The same words as attributes of the markup."""
    html = """<div itemscope itemtype="http://schema.org/Order">
    <meta itemprop="orderNumber" content="MD-1"/><meta itemprop="price" content="12.50"/>
    <meta itemprop="priceCurrency" content="GBP"/>
    <div itemprop="acceptedOffer" itemscope itemtype="http://schema.org/Offer">
    <div itemprop="itemOffered" itemscope itemtype="http://schema.org/Product">
    <span itemprop="name">Green lamp</span></div></div>
    <div itemprop="acceptedOffer" itemscope itemtype="http://schema.org/Offer">
    <span itemprop="name">Table</span></div></div><span itemprop="lost">x</span>
    <div itemscope itemtype="http://schema.org/FlightReservation">
    <meta itemprop="reservationNumber" content="RES-1"/></div>"""
    facts = _orders("Thanks", "", html=html)

    assert {fact.value for fact in facts.order_numbers} == {"MD-1", "RES-1"}
    assert facts.total is not None
    assert facts.total.value.currency == "GBP"
    assert [fact.value.name for fact in facts.items] == ["Green lamp", "Table"]
