from __future__ import annotations

import pytest

from sage_imap.models.email import EmailMessage


def _read(raw: bytes) -> tuple[dict[str, str], str]:
    message = EmailMessage.from_bytes(raw)
    return dict(message.headers), message.plain_body


@pytest.mark.parametrize(
    ("raw", "headers", "body"),
    [
        (b"A: b\r\n\r\nbody", {"A": "b"}, "body"),
        (b"A: b\n c\n\td\n\nbody", {"A": "b c d"}, "body"),
        (b"\nbody", {}, "body"),
        (b"A: b", {"A": "b"}, ""),
        (b"A:\n\n", {"A": ""}, ""),
        (b"Subject : b\n\nbody", {"Subject": "b"}, "body"),
        (b"From me Mon Jan  5 10:00:00 2026\nA: b\n\nbody", {"A": "b"}, "body"),
        (b" stray\nA: b\n\nbody", {"A": "b"}, "body"),
        (b"A: b\nno field here\n\nbody", {"A": "b"}, "no field here\n\nbody"),
        (b"A: b\nodd\nSubject: c\n\nbody", {"A": "b", "Subject": "c"}, "body"),
        (b"Subject: b\ncc : prose\n\nbody", {"Subject": "b"}, "cc : prose\n\nbody"),
        (b"hello\nworld", {}, "hello\nworld"),
        (b"A: b\n--x\nTo: c\n\nbody", {"A": "b"}, "--x\nTo: c\n\nbody"),
        (b"From nobody", {}, ""),
    ],
)
def test_where_the_header_ends(raw: bytes, headers: dict[str, str], body: str) -> None:
    """Odd lines are skipped only where known fields follow; else they are the body."""
    assert _read(raw) == (headers, body)


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("größe".encode(), "größe"),
        ("größe".encode("latin-1"), "größe"),
        (b"=?iso-8859-1?Q?Fr\xf6sche?=", "Frösche"),
        (b"=?utf-8?Q?Fr\xc3\xb6sche?=", "Frösche"),
        (b"=?x-none?q?a=e9?=", "aé"),
        (b"=?utf-7?q?+2AA-?=", "\ufffd"),
    ],
)
def test_subjects_are_decoded_whatever_they_are(raw: bytes, subject: str) -> None:
    """Encoded-words, raw octets, both at once, and charsets that do not exist."""
    assert EmailMessage.from_bytes(b"Subject: " + raw + b"\n\n").subject == subject


def test_raw_values_stay_as_they_came() -> None:
    """What was folded and encoded can still be had."""
    headers = EmailMessage.from_bytes(b"A: b\r\n c\r\n\r\n").headers
    assert headers.raw("a") == [b" b\r\n c\r\n"]
    assert repr(headers) == "Headers(1 fields)"
