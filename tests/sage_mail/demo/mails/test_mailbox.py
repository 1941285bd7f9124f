"""The mails of the demo, as the system reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from sage_imap.models.email import EmailMessage
from sage_mail.demo.mails import DemoMail, demo_mails
from sage_mail.pipeline import Category, Decision, Pipeline, default_pipeline
from tests.sage_mail.pipeline.drafts import Policy

_AT = datetime(2030, 3, 7, 9, 30, tzinfo=UTC)
_MAILS = demo_mails(_AT)
_BY_NAME = {mail.name: mail for mail in _MAILS}
_INVENTED = re.compile(r"@(?:[\w-]+\.)*(?:example|test|example\.com)$")


def _read(name: str) -> EmailMessage:
    return EmailMessage.from_bytes(_BY_NAME[name].raw)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    folders = ("support", "sales", "marketing", "spam", "newsletter", "urgent")
    return default_pipeline(Policy(folders={name: f"INBOX/{name.title()}" for name in folders}))


def test_there_are_enough_of_every_kind() -> None:
    """Some forty, with each of the eight categories among them, each under its own name."""
    assert 40 <= len(_MAILS) <= 60
    assert len(_BY_NAME) == len(_MAILS)
    assert {mail.expected_category for mail in _MAILS} == {*map(str, Category), None}


@pytest.mark.parametrize("mail", _MAILS, ids=lambda mail: mail.name)
def test_each_is_a_mail(mail: DemoMail) -> None:
    """With a sender, a receiver, a subject, a date, an identity and something to read."""
    message = EmailMessage.from_bytes(mail.raw)
    assert message.from_address is not None
    assert message.to_addresses or mail.name == "inheritance"
    assert message.subject
    assert message.message_id
    assert message.date is not None
    assert _AT - timedelta(days=2) < message.date < _AT
    assert message.plain_body.strip() or message.html_body.strip()
    assert "\ufffd" not in message.subject + message.plain_body + message.html_body


@pytest.mark.parametrize("mail", _MAILS, ids=lambda mail: mail.name)
def test_nobody_in_them_exists(mail: DemoMail) -> None:
    """Every address is in a domain that RFC 2606 keeps free."""
    message = EmailMessage.from_bytes(mail.raw)
    assert message.from_address is not None
    for address in [message.from_address, *message.all_recipients]:
        assert _INVENTED.search(address.address), address.host


@pytest.mark.parametrize("mail", _MAILS, ids=lambda mail: mail.name)
def test_each_is_recognised(mail: DemoMail, pipeline: Pipeline) -> None:
    """As what it is, and surely enough to be filed where its category has a folder."""
    decision = pipeline.decide(EmailMessage.from_bytes(mail.raw))
    assert decision.errors == Decision().errors
    if mail.expected_category is None:
        assert decision.target_folder is None
        return
    assert decision.category == mail.expected_category
    stays = decision.category in {Category.PERSONAL, Category.GENERAL}
    assert decision.target_folder == (None if stays else f"INBOX/{decision.category.title()}")


def test_they_are_the_same_each_time_but_for_dates() -> None:
    """The same moment gives the same octets, another moment other dates and identities."""
    assert demo_mails(_AT) == _MAILS
    later = demo_mails(_AT + timedelta(hours=1))
    assert [mail.name for mail in later] == [mail.name for mail in _MAILS]
    assert not {mail.raw for mail in later} & {mail.raw for mail in _MAILS}
    assert [_without_moment(mail.raw) for mail in later] == [
        _without_moment(mail.raw) for mail in _MAILS
    ]


def _without_moment(raw: bytes) -> bytes:
    raw = re.sub(rb"(?m)^Date:.*$", b"", raw)
    return re.sub(rb"\.\d{16}@", b"@", raw)


def test_they_come_oldest_first_and_end_just_now() -> None:
    """Without a moment they end now."""
    dates = [EmailMessage.from_bytes(mail.raw).date for mail in demo_mails()]
    known = [date for date in dates if date is not None]
    assert known == sorted(known)
    assert timedelta(0) < datetime.now(UTC) - known[-1] < timedelta(hours=1)


def test_threads_hang_together() -> None:
    """An answer names the mail that it answers."""
    first, answer = _read("app-login"), _read("app-login-again")
    assert answer.in_reply_to == first.message_id
    assert answer.references == [first.message_id]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("login-ja", "ログインできません"),
        ("dacha-ru", "яблони цветут"),
        ("price-cp1252", "„Fjord“ in unser Sortiment aufnehmen – zunächst"),
        ("no-charset", "elle s'éteint après dix"),
        ("matsuri-ja", "久しぶり"),
        ("cut-short", "lässt sich nicht mehr öffnen"),
        ("bad-base64", "12 deck lamps"),
    ],
)
def test_odd_and_damaged_texts_are_readable(name: str, words: str) -> None:
    """Old charsets, a mislabelled one, none at all, and what was cut or broken on the way."""
    assert words in _read(name).plain_body


def test_names_are_readable() -> None:
    """Whatever charset they are encoded in."""
    sender = _read("login-ja").from_address
    assert sender is not None
    assert (sender.name, sender.address) == ("佐野 陽子", "sano@example.com")


def test_what_is_damaged_is_damaged() -> None:
    """The picture has letters that base64 lacks; the end of the last part is missing."""
    assert b"*!*" in _BY_NAME["bad-base64"].raw
    assert b"--=_cut-short_0--" not in _BY_NAME["cut-short"].raw
    assert _read("bad-base64").get_attachment_filenames() == ["lake.png"]


@pytest.mark.parametrize(
    ("name", "filename", "content_type"),
    [
        ("supplier-invoice", "invoice-BW-20817.pdf", "application/pdf"),
        ("rechnung-de", "Rechnung-R-5512.pdf", "application/pdf"),
        ("broken-on-arrival", "broken-shade.png", "image/png"),
        ("spring-sale", "banner.png", "image/png"),
        ("lake-photo", "lake.png", "image/png"),
        ("app-log", "lumio-app.log", "text/plain"),
        ("invitation", "invite.ics", "text/calendar"),
    ],
)
def test_attachments_are_attached(name: str, filename: str, content_type: str) -> None:
    """Under their names and types."""
    attachments = [(part.filename, part.content_type) for part in _read(name).attachments]
    assert attachments == [(filename, content_type)]
