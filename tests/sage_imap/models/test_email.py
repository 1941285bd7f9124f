from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.models.email import EmailAddress, EmailMessage
from sage_imap.models.limits import MAX_FIELDS, MAX_PARTS

RAW = (
    b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\n"
    b'To: "Doe, Jane" <jane@example.org>, root@example.org\r\n'
    b"To: second@example.org\r\n"
    b"Cc: team: a@example.org, b@example.org;\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus?=\r\n =?utf-8?q?_K=C3=B6ln?=\r\n"
    b"Date: Mon, 05 Jan 2026 10:11:12 +0100\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"In-Reply-To: <0@example.org> (yours)\r\n"
    b"References: <a@example.org>\r\n\t<0@example.org>\r\n"
    b"Received: one\r\nReceived: two\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"preamble\r\n--b\r\n"
    b"Content-Type: multipart/alternative; boundary=b2\r\n\r\n"
    b"--b2\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n\r\nJ=F6rg\r\n"
    b"--b2\r\nContent-Type: text/html\r\n\r\n<p>Gr&uuml;&szlig;e<br>J&ouml;rg</p>\r\n--b2--\r\n"
    b"--b\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Disposition: attachment;\r\n"
    b" filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf\r\nContent-Transfer-Encoding: base64\r\n"
    b"\r\nJVBERi0=\r\n"
    b"--b\r\nContent-Type: image/png\r\nContent-ID: <logo@x>\r\n\r\nPNG\r\n"
    b"--b--\r\nepilogue\r\n"
)


def test_what_the_header_says() -> None:
    """Every field that callers read, decoded."""
    message = EmailMessage.from_bytes(RAW, uid=7, mailbox="INBOX", uidvalidity=3, flags=["\\Seen"])
    assert message.subject == "Grüße aus Köln"
    assert message.from_address == EmailAddress("Jörg", "joerg", "example.org")
    assert [str(a) for a in message.to_addresses] == [
        "jane@example.org",
        "root@example.org",
        "second@example.org",
    ]
    assert message.to_addresses[0].name == "Doe, Jane"
    assert [str(a) for a in message.cc_addresses] == ["a@example.org", "b@example.org"]
    assert message.bcc_addresses == message.reply_to_addresses == []
    assert len(message.all_recipients) == 5
    assert message.date == datetime(2026, 1, 5, 10, 11, 12, tzinfo=timezone(timedelta(hours=1)))
    assert message.message_id == "<1@example.org>"
    assert message.in_reply_to == "<0@example.org>"
    assert message.references == ["<a@example.org>", "<0@example.org>"]
    assert message.is_reply()
    assert (message.uid, message.mailbox, message.uidvalidity) == (7, "INBOX", 3)
    assert message.flags == ("\\Seen",)
    assert message.size == len(RAW)
    assert message.raw == RAW


def test_what_the_body_says() -> None:
    """Texts with plain line ends, attachments decoded, nothing to warn of."""
    message = EmailMessage.from_bytes(RAW)
    assert message.plain_body == "Grüße\n\nJörg"
    assert message.html_body == "<p>Gr&uuml;&szlig;e<br>J&ouml;rg</p>"
    assert message.get_body_preview(8) == "Grüße J…"
    assert message.has_attachments()
    assert message.get_attachment_filenames() == ["Grüße.pdf"]
    pdf, logo = message.attachments
    assert (pdf.content, pdf.size, pdf.is_inline, pdf.content_id) == (b"%PDF-", 5, False, None)
    assert (logo.content_id, logo.is_inline, logo.is_image) == ("logo@x", True, True)
    assert message.warnings == []


def test_headers_are_a_mapping_that_goes_to_json() -> None:
    """The first value by name in any case, the others by `get_all`."""
    headers = EmailMessage.from_bytes(RAW).headers
    assert headers["received"] == headers["Received"] == "one"
    assert headers.get_all("RECEIVED") == ["one", "two"]
    assert "x-nothing" not in headers
    assert headers.get("X-Nothing") is None
    assert json.loads(json.dumps(dict(headers)))["Subject"] == "Grüße aus Köln"
    assert list(headers)[:3] == ["From", "To", "Cc"]
    assert len(headers) == len(dict(headers))
    assert len(list(headers.fields())) == len(headers) + 2
    with pytest.raises(KeyError):
        headers["X-Nothing"]


def test_an_empty_message_is_a_message() -> None:
    """Nothing is missing but the content."""
    message = EmailMessage.from_bytes(b"")
    assert (message.subject, message.plain_body, message.html_body) == ("", "", "")
    assert (message.from_address, message.date, message.message_id) == (None, None, None)
    assert not message.has_attachments()
    assert not message.is_reply()
    assert message.get_body_preview() == ""


def test_a_preview_is_made_of_html_where_there_is_no_text() -> None:
    """Tags, styles and scripts are no words."""
    message = EmailMessage.from_bytes(
        b"Content-Type: text/html\r\n\r\n<head><title>t</title></head>"
        b"<style>p {}</style><p>Hello&nbsp;you</p><p>again</p><script>x()</script>"
    )
    assert message.get_body_preview(100) == "Hello you again"


@pytest.mark.parametrize("subject", ["Re: a", "AW: a", "SV: a", "Re[2]: a", "回复: a", "RE : a"])
def test_replies_are_known_by_their_subject(subject: str) -> None:
    """Mailers say it in their own language."""
    assert EmailMessage.from_bytes(f"Subject: {subject}\r\n\r\n".encode()).is_reply()


def test_a_subject_that_only_begins_alike_is_no_reply() -> None:
    """A word is not a prefix."""
    assert not EmailMessage.from_bytes(b"Subject: Regarding: a\r\n\r\n").is_reply()


def test_odd_ids_are_kept_as_they_are() -> None:
    """An ID without brackets is an ID, a blank one is none."""
    message = EmailMessage.from_bytes(b"Message-ID: a b@c\nIn-Reply-To: \n\n")
    assert message.message_id == "a b@c"
    assert message.in_reply_to is None
    assert repr(message) == "EmailMessage(uid=None, mailbox=None, size=33)"


def test_an_encoded_word_cannot_pose_as_an_address() -> None:
    """Structure is read before anything is decoded."""
    message = EmailMessage.from_bytes(
        b"From: =?utf-8?q?boss=40example=2Eorg_=3Cboss=40example=2Eorg=3E=2C?="
        b" <evil@example.net>\n\n"
    )
    assert str(message.from_address) == "evil@example.net"
    assert [a.host for a in message.from_addresses] == ["example.net"]


def test_one_bad_character_hides_no_body() -> None:
    """Base64 that is damaged is read as far as it can be, and reported."""
    body = b"SGVsbG8g*d29ybGQA"
    message = EmailMessage.from_bytes(b"Content-Transfer-Encoding: base64\n\n" + body)
    assert message.plain_body.startswith("Hello world")
    damaged = EmailMessage.from_bytes(b"Content-Transfer-Encoding: base64\n\nSGVsbG8gd29ybGQAA")
    assert damaged.plain_body.startswith("Hello world")
    assert damaged.warnings == ["base64: it is damaged; read as far as it can be"]


def test_the_date_is_aware_or_none() -> None:
    """A date without a zone is UTC, what is no date is None."""
    assert EmailMessage.from_bytes(b"Date: 5 Jan 2026 10:00:00\n\n").date == datetime(
        2026, 1, 5, 10, tzinfo=UTC
    )
    assert EmailMessage.from_bytes(b"Date: soon\n\n").date is None


def test_bombs_are_read_within_bounds() -> None:
    """Too many fields, parts and levels cost neither memory nor the message."""
    fields = EmailMessage.from_bytes(b"a: b\r\n" * 100_000 + b"\r\nbody")
    assert len(list(fields.headers.fields())) == MAX_FIELDS
    assert fields.plain_body == "body"
    assert fields.warnings
    opening = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    parts = EmailMessage.from_bytes(opening + b"--b\r\n\r\nx\r\n" * 5000)
    assert parts.plain_body.count("x") == 5000
    assert parts.plain_body.startswith("x\n" * (MAX_PARTS - 2))
    assert parts.warnings == ["structure: more parts than are read"]
    levels = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(500)
    )
    deep = EmailMessage.from_bytes(levels + b"\r\nhello")
    assert deep.plain_body.endswith("hello")
    assert deep.warnings == ["structure: it is nested deeper than is read"]


_TOKENS = st.sampled_from(
    [
        *("From: ", "To: ", "Subject: ", "Date: ", "Content-Type: ", "Content-Disposition: "),
        *("multipart/mixed; boundary=b", "text/plain; charset=", "utf-7", "; filename="),
        *("Content-Transfer-Encoding: base64", "\r\n", "\n", "\r", "--b", "--b--", "\0", "\xff"),
        *("=?utf-8?q?", "?=", "=?", "<", ">", "@", ",", ";", ":", "(", ")", '"', "\\", "=", "A"),
    ]
)


@given(st.one_of(st.binary(max_size=400), st.lists(_TOKENS, max_size=80).map("".join)))
def test_reading_never_fails_and_gives_valid_text(source: bytes | str) -> None:
    """Whatever the octets are, each attribute can be read and stored as UTF-8."""
    raw = source if isinstance(source, bytes) else source.encode("latin-1")
    message = EmailMessage.from_bytes(raw)
    texts = [message.subject, message.plain_body, message.html_body, message.get_body_preview()]
    texts += [text for pair in message.headers.fields() for text in pair]
    texts += [a.formatted for a in (*message.from_addresses, *message.all_recipients)]
    for attachment in message.attachments:
        texts += [attachment.filename, attachment.content_type, attachment.content_id or ""]
        assert attachment.size == len(attachment.content)
    texts += [*message.references, message.message_id or "", message.in_reply_to or ""]
    for text in texts:
        text.encode()
    assert message.date is None or message.date.tzinfo is not None
    assert isinstance(message.is_reply(), bool)
    assert all(isinstance(warning, str) for warning in message.warnings)
