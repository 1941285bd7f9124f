"""Messages.

Invariant: whatever octets a message has, every attribute can be looked at without an exception;
text is valid Unicode without CR; every leaf is text or an attachment; and a copy reads the same.
"""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.shapes import mutated
from sage_imap.models.email import EmailMessage

__all__ = ["EXAMPLES", "check"]

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
        ]
    ),
)
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
_HEADERS = st.lists(st.builds(lambda n, v: n + b": " + v, _NAMES, _VALUES), max_size=6).map(
    lambda found: b"\r\n".join([*found, b"", b""])
)
_BODIES = st.recursive(
    st.one_of(st.binary(max_size=40), st.sampled_from([b"SGVsbG8=", b"=C3=A9=\r\n", b"--b--"])),
    lambda inner: st.lists(
        st.builds(lambda head, body: b"--b\r\n" + head + body, _HEADERS, inner), max_size=3
    ).map(lambda parts: b"\r\n".join([*parts, b"--b--\r\n"])),
    max_leaves=4,
)
EXAMPLES = mutated(st.builds(lambda head, body: head + body, _HEADERS, _BODIES))


def check(example: bytes) -> None:
    message = EmailMessage.from_bytes(example)
    first = _read(message)
    assert first == _read(EmailMessage.from_bytes(example)), "two readings differ"
    for text in (message.subject, message.plain_body, message.html_body, *message.headers.values()):
        text.encode()
    assert "\r" not in message.plain_body + message.html_body
    assert message.raw == example


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
