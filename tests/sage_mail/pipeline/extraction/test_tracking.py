"""Tracking numbers and whose they are."""

from __future__ import annotations

import pytest

from sage_mail.pipeline.extraction.facts import Tracking
from sage_mail.pipeline.extraction.identifiers import Identifier
from sage_mail.pipeline.extraction.tracking import Carriers
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, VOCABULARY, passage, source

_CARRIERS = Carriers(VOCABULARY)


def _labelled(number: str, *named: str) -> Tracking:
    text = passage(number)
    identifier = Identifier("tracking", number, text, 0, len(number), 0.9)
    return next(_CARRIERS.find([], [identifier], list(named))).value


@pytest.mark.parametrize(
    ("number", "carrier"),
    [
        ("1Z5R89390357567127", "ups"),
        ("1Z8V92A70367203024", "ups"),
        ("986578788855", "fedex"),
        ("61299998820821171811", "fedex"),
        ("041441760228964", "fedex"),
        ("9611020987654312345672", "fedex"),
        ("9400111201080805483016", "usps"),
        ("03071790000523483741", "usps"),
        ("3318810025", "dhl"),
        ("00340434161094022115", "dhl"),
        ("RB123456785GB", "royal mail"),
    ],
)
def test_the_check_digit_tells_the_carrier(number: str, carrier: str) -> None:
    """Real numbers of each form, with the digit that their carrier calculates."""
    assert _labelled(number) == Tracking(number=number, carrier=carrier, checked=True)


@pytest.mark.parametrize(
    "number", ["1Z5R89390357567128", "RB123456786GB", "9400111201080805483017"]
)
def test_a_wrong_check_digit_is_said(number: str) -> None:
    """A labelled number is kept, but not called checked."""
    assert not _labelled(number).checked


def test_the_carrier_that_is_named_decides() -> None:
    """Digits fit the check digit of somebody by chance; the mail says whose parcel it is."""
    assert _labelled("3318810025", "gls").carrier == "gls"
    assert _labelled("4711-0815", "sda") == Tracking(
        number="47110815", carrier="sda", checked=False
    )
    assert _labelled("4711-0815").carrier is None


def test_forms_of_their_own_need_no_label() -> None:
    """UPS numbers stand out by themselves; a wrong digit or a link makes them nothing."""
    texts = [
        passage("It is 1Z5R89390357567127."),
        passage("a 1Z5R89390357567128 ?q=1Z5R89390357567127"),
    ]

    found = list(_CARRIERS.find(texts, [], []))

    assert [fact.value.carrier for fact in found] == ["ups"]


def test_carriers_are_named_by_domain_and_text() -> None:
    """The sender's domain comes first."""
    assert _CARRIERS.named("mail.fedex.com", [passage("or by UPS")]) == ["fedex", "ups"]


@pytest.mark.parametrize("text", ["hello1234567", "pending2026now", "a.b=c/1234567"])
def test_words_are_no_tracking_numbers(text: str) -> None:
    """What stands behind "tracking number" is one only if it looks like one."""
    assert EXTRACTOR.orders(source("Parcel", f"Tracking number: {text}")) is None


def test_a_tracking_number_in_small_letters() -> None:
    """A form that is a carrier's own is known however it is written."""
    facts = EXTRACTOR.orders(source("Parcel", "Tracking number: 1z999aa10123456784"))

    assert facts is not None
    assert facts.tracking_numbers[0].value.number == "1Z999AA10123456784"
