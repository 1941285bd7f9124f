from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.models.email import EmailMessage
from sage_imap.models.headers import Headers, _plain_header, _split_lines


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


_LINES = st.lists(
    st.sampled_from((b"A: b", b" c", b"\td", b"a:", b": e", b"F : g", b"", b"h", b"From i", b"\r"))
    | st.binary(max_size=6).map(lambda raw: raw.replace(b"\n", b"")),
    max_size=8,
)


@given(_LINES, st.sampled_from((b"\n", b"\r\n")), st.booleans())
def test_plain_fields_read_as_odd_ones_do(lines: list[bytes], end: bytes, whole: bool) -> None:
    """What the one expression reads, the search line by line reads alike, and all of it."""
    block = end.join(filter(None, lines)) + (end if whole else b"")
    plain = _plain_header(block)
    warnings: list[str] = []
    names, values, position = _split_lines(block, warnings)
    if plain is not None:
        assert position == len(block)
        assert not warnings
        assert list(plain.fields()) == list(Headers(names, values).fields())
        assert all(plain.raw(key) == Headers(names, values).raw(key) for key in plain)


def test_headers_beyond_the_bound_are_read_up_to_it() -> None:
    """A thousand fields too many cost a warning and no more."""
    message = EmailMessage.from_bytes(b"A: b\n" * 3000 + b"\nbody")
    assert len(message.headers.get_all("a")) == 2000
    assert message.plain_body == "body"
    assert message.warnings == ["header: more fields than are read"]


@pytest.mark.parametrize("piece", [b"<!--", b"x y ", b"A", b"x\r\n "])
def test_a_megabyte_that_is_no_field(piece: bytes) -> None:
    """A line without a colon, however long, is read once and not from each of its characters."""
    line = piece * (1_000_000 // len(piece))
    message = EmailMessage.from_bytes(b"Subject: a\r\n" + line + b"\r\n\r\nbody")
    assert message.subject == "a"
