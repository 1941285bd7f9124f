"""Messages.

Invariant: whatever octets a message has, every attribute can be looked at without an exception or a
Python warning; text is valid Unicode without CR; every leaf is text or an attachment, and not both;
no more parts and addresses are read than the limits say; a name that a file gets stays in its
directory; what is told in warnings is none of the message; and a second reading is the same.
"""

from __future__ import annotations

import re

from hypothesis import strategies as st

from fuzz.seeds import mails
from fuzz.shapes import mutated, repeated
from sage_imap.models.email import EmailMessage
from sage_imap.models.filenames import numbered, safe_filename
from sage_imap.models.limits import MAX_ADDRESSES, MAX_FILENAME_BYTES, MAX_IDS, MAX_PARTS

__all__ = ["EXAMPLES", "SEEDS", "check", "from_octets"]

_VALUES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [
            b"text/plain; charset=utf-8",
            b'multipart/mixed; boundary="b"',
            b"multipart/alternative; boundary=b",
            b"message/rfc822",
            b"base64",
            b"quoted-printable",
            b"x-uuencode",
            b"=?utf-8?q?=C3=A9?= <a@b.c>, x@y.z",
            b'group: "A, B" <a@b>, c@d;',
            b"attachment; filename*0*=utf-8''%C3; filename*1*=%A9",
            b"Thu, 29 Feb 2024 12:00:00 +0100 (CET)",
            b"text/html; charset=utf-7",
            b"text/plain; charset=idna",
            b'application/ms-tnef; name="../../a\\u202egnp.exe"',
            b"multipart/digest; boundary=b",
            b'multipart/related; boundary=b; start="<x>"',
            b"<a@b> <c@d>",
            b"=?utf-7?q?+2AA-?=",
        ]
    ),
)
_LONG = repeated(
    [
        *rb"""( ) " \ < , a: ; =? =?a?q? <a> [ a. &# <!-- <![CDATA[ a:b; a@b, ;a*0=b""".split(),
        *(b" =?utf-8?q?a?= ", b"\r\n ", b"\t", b"\n--b", b"=\n"),
    ]
)
_FIELDS = st.integers(0, 15).flatmap(lambda dice: _VALUES if dice else _LONG)
_NAMES = st.sampled_from(
    [
        b"From",
        b"To",
        b"Cc",
        b"Subject",
        b"Date",
        b"Message-ID",
        b"References",
        b"In-Reply-To",
        b"Content-Type",
        b"Content-Transfer-Encoding",
        b"Content-Disposition",
        b"Content-ID",
        b"X",
    ]
)
_HEADERS = st.lists(st.builds(lambda n, v: n + b": " + v, _NAMES, _FIELDS), max_size=6).map(
    lambda found: b"\r\n".join([*found, b"", b""])
)
_BODIES = st.recursive(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"SGVsbG8=", b"=C3=A9=\r\n", b"--b--", b"begin 644 a\n#86)C\n`\nend\n"]),
        _LONG,
    ),
    lambda inner: st.lists(
        st.builds(lambda head, body: b"--b\r\n" + head + body, _HEADERS, inner), max_size=3
    ).map(lambda parts: b"\r\n".join([*parts, b"--b--\r\n"])),
    max_leaves=4,
)
_MADE = st.builds(lambda head, body: head + body, _HEADERS, _BODIES)
EXAMPLES = st.one_of(mutated(_MADE), mutated(_MADE), mutated(st.sampled_from(mails())))
SEEDS = mails()
_WORDS_OF_OURS = re.compile(r"[a-z][a-z0-9 ,;:'/-]*", re.IGNORECASE)
_SEPARATORS = re.compile(r"[/\\\0:]")


def from_octets(octets: bytes) -> bytes:
    return octets


def check(example: bytes) -> None:
    message = EmailMessage.from_bytes(example)
    assert _read(message) == _read(EmailMessage.from_bytes(example)), "two readings differ"
    for text in (message.subject, message.plain_body, message.html_body, *message.headers.values()):
        text.encode()
    assert "\r" not in message.plain_body + message.html_body
    assert message.raw == example
    assert len(message.get_body_preview(50)) <= 50
    assert len(message.attachments) <= MAX_PARTS
    assert len(message.references) <= MAX_IDS
    for addresses in (message.from_addresses, message.to_addresses, message.reply_to_addresses):
        assert len(addresses) <= MAX_ADDRESSES
        for address in addresses:
            assert "\n" not in address.formatted + str(address)
    for warning in message.warnings:
        assert _WORDS_OF_OURS.fullmatch(warning), warning
    for part in message.attachments:
        _check_file_name(safe_filename(part.filename, part.content_type))


def _check_file_name(name: str) -> None:
    for number in (0, 1000):
        name = numbered(name, number)
        assert not _SEPARATORS.search(name)
        assert name.strip(". ") == name != ""
        assert len(name.encode()) <= MAX_FILENAME_BYTES + len(" (1000)")


def _read(message: EmailMessage) -> list[object]:
    found: list[object] = [
        message.subject,
        message.from_addresses,
        message.all_recipients,
        message.reply_to_addresses,
        message.date,
        message.message_id,
        message.in_reply_to,
        message.references,
        message.plain_body,
        message.html_body,
        message.is_reply(),
        message.get_body_preview(50),
        dict(message.headers),
        message.warnings,
    ]
    for part in message.attachments:
        found += [part.filename, part.content_type, part.disposition, part.content_id, part.size]
        found += [part.sha256, part.is_inline, part.is_image]
    return found
