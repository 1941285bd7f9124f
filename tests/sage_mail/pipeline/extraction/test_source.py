"""What extraction reads of a message."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sage_imap.models.email import EmailMessage
from sage_mail.pipeline.extraction import Part, Source
from tests.sage_mail.pipeline.drafts import mail
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, source

_LONG = "Thank you for your order. We will write again when it has been sent to you. " * 3
_ARRIVED = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_what_fails_costs_itself_and_is_recorded() -> None:
    """The caller gets what there is instead, and the error has a name."""

    def broken() -> tuple[str, ...]:
        raise ArithmeticError("no number")

    read = Source.of_text("Hello")

    assert read.shielded("numbers", broken, ()) == ()
    assert read.shielded("words", lambda: ("Hello",), ()) == ("Hello",)
    assert read.problems == {"numbers": "ArithmeticError: no number"}


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 31 Dec 9999 23:59:59 -1200",
        "Fri, 31 Dec 9999 23:59:59 +1400",
        "Wed, 01 Jan 1800 00:00:00 +1400",
        "Thu, 01 Jan 1970 00:00:00 +0000",
    ],
)
def test_a_date_that_no_mail_has_is_unknown(date: str) -> None:
    """The moment of arrival counts instead, and nothing overflows."""
    text = (
        "Please answer by tomorrow, in 3 days, within 2 months, by Friday, by 5pm EST, by end of "
        "month, by 31.12.9999 and within 999 weeks."
    )
    draft = mail("Now", text, headers={"Date": date})
    arrived = EmailMessage.from_bytes(draft.raw, internal_date=_ARRIVED)

    assert Source.of_message(draft).sent is None
    read = Source.of_message(arrived)
    assert read.sent == _ARRIVED
    urgent = EXTRACTOR.urgent(read)
    assert urgent is not None
    assert str(urgent.deadlines[0].value.at.date()) == "2026-11-24"
    EXTRACTOR.analysis(read)
    assert read.problems == {}


def test_a_date_of_the_caller_that_no_mail_has_is_unknown() -> None:
    """Texts of attachments take theirs from the same mails."""
    assert Source.of_text("Hello", sent=datetime.max.replace(tzinfo=UTC)).sent is None


@pytest.mark.parametrize(
    "html",
    [
        "<p>Order number: 123-1234567-1234567</p>",
        f"<p>{_LONG}</p><p>Total: $12.50</p>",
        "<p>Unfortunately the carrier damaged several boxes; please choose between replacement "
        "and refund</p>",
    ],
)
def test_markup_that_says_more_is_read_beside_a_long_plain_part(html: str) -> None:
    """A number or many words that the plain part lacks make the HTML part worth reading."""
    parts = [body.part for body in source("Order", _LONG, html=html).bodies]

    assert parts == [Part.PLAIN, Part.HTML]


def test_markup_that_says_the_same_is_not_read_again() -> None:
    """The rule of multipart/alternative; nothing is found twice."""
    text = f"{_LONG}Order number: 123-1234567. Total: 1.234,56 EUR."
    html = f"<div><b>{_LONG}</b>Order number: 123-1234567.<br>Total:&nbsp;1.234,56 EUR.</div>"

    assert [body.part for body in source("Order", text, html=html).bodies] == [Part.PLAIN]


def test_order_numbers_of_the_markup_are_found() -> None:
    """A long plain part hides neither number nor total."""
    html = "<p>Order number: 123-1234567</p><table><tr><td>Total</td><td>$12.50</td></tr></table>"
    orders = EXTRACTOR.orders(source("Order", _LONG, html=html))

    assert orders is not None
    assert [fact.value for fact in orders.order_numbers] == ["123-1234567"]
    assert orders.total is not None
