"""How somebody can be reached or paid, and who is who."""

from __future__ import annotations

import pytest

from sage_mail.pipeline.extraction import Entities
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, source


def _entities(text: str, sender: str = "") -> Entities:
    return EXTRACTOR.entities(source("Hello", text, sender=sender))


def _values(entities: Entities, kind: str) -> list[str]:
    return [str(getattr(fact.value, "name", fact.value)) for fact in getattr(entities, kind)]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("phones", "Tel. +49 30 901820", "+4930901820"),
        ("phones", "Telefon: 030 901820", "+4930901820"),
        ("phones", "0044 20 7946 0958", "+442079460958"),
        ("emails", "write to Ada@Example.org.", "ada@example.org"),
        ("ibans", "IBAN DE89 3704 0044 0532 0130 00 Bank", "DE89370400440532013000"),
        ("ibans", "GB82WEST12345698765432", "GB82WEST12345698765432"),
        ("vat_numbers", "USt-IdNr.: DE136695976", "DE136695976"),
        ("vat_numbers", "VAT ATU 37675002 here", "ATU37675002"),
        ("cards", "card 4111 1111 1111 1111", "…1111"),
        ("addresses", "Musterstraße 12a, 10115 Berlin", "Musterstraße 12a, 10115 Berlin"),
        ("addresses", "410 Terry Street, Seattle, WA 98109", "410 Terry Street, Seattle, WA 98109"),
        ("addresses", "10 Downing Street\nLondon\nSW1A 2AA", "10 Downing Street, London, SW1A 2AA"),
        ("organisations", "with Analytical Engines Ltd in London", "Analytical Engines Ltd"),
        ("organisations", "die Muster & Söhne GmbH liefert", "Muster & Söhne GmbH"),
        ("people", "Dear Ms Ada Byron,\n", "Ada Byron"),
        ("people", "Sehr geehrter Herr Dr. Müller,\n", "Müller"),
        ("people", "A long letter.\nWith lines.\n\nBest regards,\nAda Byron\n", "Ada Byron"),
    ],
)  # fmt: skip
def test_an_entity_is_found(kind: str, text: str, value: str) -> None:
    """Its kind is recognised and it is brought into one form."""
    assert _values(_entities(text, "Kim <kim@firma.de>"), kind) == [value]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phones", "Order 030 901820 and 2026-11-23 10:00"),
        ("phones", "Tel. 12345678"),
        ("ibans", "DE89 3704 0044 0532 0130 01"),
        ("vat_numbers", "DE136695977"),
        ("cards", "4111 1111 1111 1112 and 1234567890123"),
        ("addresses", "in 2002 Ximian and 10115 Berlin"),
        ("emails", "@ home, a@b, x@"),
        ("organisations", "the company, an inc, GmbH"),
        ("people", "Dear Customer,\nDear Sir or Madam,\nHi all,\nThanks,\n"),
    ],
)
def test_what_only_looks_like_it(kind: str, text: str) -> None:
    """Wrong check digits, numbers of other things, nobody in particular."""
    assert _values(_entities(text), kind) == []


def test_a_card_number_is_never_kept() -> None:
    """Only its last four digits are, in every field."""
    facts = _entities("card 4111-1111-1111-1111 please")

    assert "4111" not in facts.model_dump_json()


def test_people_of_the_header_have_their_address() -> None:
    """The sender is somebody by name and address."""
    (person,) = _entities("Hello", "Ada Byron <ada@example.org>").people

    assert (person.value.name, person.value.email) == ("Ada Byron", "ada@example.org")


@pytest.mark.parametrize(
    "text",
    [
        "IBAN: de89370400440532013000",
        "iban de89 3704 0044 0532 0130 00 bei der Bank",
        "DE89 3704 0044 0532 0130 00 BIC COBADEFF VOM KONTO",
        "DE89\xa03704\xa00044\xa00532\xa00130\xa000",
    ],
)
def test_an_iban_however_it_is_written(text: str) -> None:
    """In small letters, in groups, with words behind it that look like groups."""
    assert [fact.value for fact in EXTRACTOR.entities(source("", text)).ibans] == [
        "DE89370400440532013000"
    ]
