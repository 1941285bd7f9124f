"""The fingerprint does not depend on how the header was fetched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sage_mail.ingest.fingerprint import fingerprint, header_of

HEADER = b"Subject: a\r\nFrom: b@example.org\r\n"


def test_header_and_whole_message_have_the_same_fingerprint() -> None:
    """BODY[HEADER], which ends with the blank line, and BODY[] give the same fingerprint."""
    raw = HEADER + b"\r\nbody\r\n\r\nmore"
    assert fingerprint(raw, len(raw)) == fingerprint(HEADER + b"\r\n", len(raw))
    assert fingerprint(raw, len(raw)) == fingerprint(HEADER, len(raw))


def test_size_and_header_both_count() -> None:
    """Another size or another header is another fingerprint."""
    assert fingerprint(HEADER, 10) != fingerprint(HEADER, 11)
    assert fingerprint(HEADER, 10) != fingerprint(HEADER + b"X: y\r\n", 10)


def test_bare_line_feeds_end_a_header_too() -> None:
    """A message that came with bare LF has its header cut at the first blank line."""
    assert header_of(b"A: b\n\nbody\r\n\r\nrest") == b"A: b\n"


def test_message_without_header() -> None:
    """A message that begins with the blank line has an empty header."""
    assert header_of(b"\r\nbody") == b""


@given(st.binary(max_size=200))
def test_header_of_is_idempotent(raw: bytes) -> None:
    """The header of a header is itself, whatever the octets."""
    header = header_of(raw)
    assert raw.startswith(header)
    assert header_of(header) == header
