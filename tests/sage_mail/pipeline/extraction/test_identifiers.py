"""Numbers with a name."""

from __future__ import annotations

import pytest

from sage_mail.pipeline.extraction.identifiers import Identifiers
from tests.sage_mail.pipeline.extraction.reading import VOCABULARY, passage

_IDENTIFIERS = Identifiers(VOCABULARY)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Your Amazon.com order #123-1234567-1234567 has shipped", "order", "123-1234567-1234567"),
        ("Ordine n. 123-4567890-1234567", "order", "123-4567890-1234567"),
        ("Il tuo ordine Amazon.it n. 405-5236882-9395563 di", "order", "405-5236882-9395563"),
        ("Invoice number: 007/10/2022", "invoice", "007/10/2022"),
        ("Invoice No : # BLR_WFLD20151000982590", "invoice", "BLR_WFLD20151000982590"),
        ("INVOICE\n                 # invoice_number_1", "invoice", "invoice_number_1"),
        ("Facture n°562044387 du 02 Juillet 2015", "invoice", "562044387"),
        ("Transaction ID:\n3PV58699R8695403W", "transaction", "3PV58699R8695403W"),
        ("Rechnungs-Nr.: RE-2026/0815", "invoice", "RE-2026/0815"),
        ("Bestellnummer 302-123", "order", "302-123"),
        ("Ihre Kundennummer lautet 4711", "customer", "4711"),
        ("[Ticket#20240101]", "ticket", "20240101"),
        ("Ticket-ID 99123", "ticket", "99123"),
        ("TRACKING NUMBER\n61290912345678912345", "tracking", "61290912345678912345"),
        ("your tracking number is QA0881872248. Bye", "tracking", "QA0881872248"),
        ("Twoja paczka o numerze 90346692444 nadana", "tracking", "90346692444"),
        ("Tracking number: 5682 8361 0012 000", "tracking", "5682 8361 0012 000"),
    ],
)
def test_a_number_is_found_by_its_name(text: str, kind: str, value: str) -> None:
    """A word for the kind stands before it, with or without a word for number and a mark."""
    (found,) = _IDENTIFIERS.find([passage(text)])

    assert (found.kind, found.value) == (kind, value)
    assert found.fact().text == value


@pytest.mark.parametrize(
    "text",
    [
        "Order 15.10.2015",
        "Order Date: 15-10-2015",
        "order 2015",
        "order 500 EUR",
        "order total 13.98",
        "Invoice: 13.98",
        "payment of 30 days",
        "Rechnung vom 3.4.2026",
        "order 12-pack",
        "in this case we agree",
        "order online",
        "case 12:30",
        "https://shop.example/order/4711-0815-42",
    ],
)
def test_what_is_no_number_of_it(text: str) -> None:
    """Dates, years, amounts, words and links are not the number of anything."""
    assert list(_IDENTIFIERS.find([passage(text)])) == []


def test_a_mark_makes_it_surer() -> None:
    """A word for number and a colon leave less doubt than a mere neighbourhood."""
    bare, marked, both = (
        next(_IDENTIFIERS.find([passage(text)])).confidence
        for text in ("order 4711-22", "order: 4711-22", "order number: 4711-22")
    )

    assert bare < marked < both


def test_what_help_desks_write_in_brackets() -> None:
    """[#4711] and [SUP-12] are tickets without a word for it."""
    found = _IDENTIFIERS.bracketed(passage("Re: [#4711] printer (SUP-12) [list] [2 files]"))

    assert [identifier.value for identifier in found] == ["4711", "SUP-12"]
