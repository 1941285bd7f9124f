"""Mailbox names round trip without loss, valid or not."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sage_imap.protocol.mailbox_names import (
    RawName,
    decode_name,
    decode_utf7,
    encode_name,
    encode_utf7,
)

NAMES = st.text(st.characters(exclude_categories=["Cs"]))
ODD = st.binary(max_size=30) | st.lists(
    st.sampled_from([b"&", b"-", b"APw", b"&APw-", b"&2D0-", b"&-", b"a", b"\xc3\xbc", b","])
).map(b"".join)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("INBOX", b"INBOX"),
        ("Grüße", b"Gr&APwA3w-e"),
        ("Q&A", b"Q&-A"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("😀", b"&2D3eAA-"),
        ("", b""),
    ],
)
def test_known_names(name: str, raw: bytes) -> None:
    """Names and their octets belong together, the RFC's own example among them."""
    assert encode_utf7(name) == raw
    decoded = decode_utf7(raw)
    assert decoded == name
    assert type(decoded) is str


@given(NAMES, st.booleans())
def test_text_round_trip(name: str, utf8: bool) -> None:
    """Every text comes back as itself."""
    raw = encode_name(name, utf8=utf8)
    assert utf8 or raw.isascii()
    decoded = decode_name(raw, utf8=utf8)
    assert decoded == name
    assert not isinstance(decoded, RawName)


@given(ODD, st.booleans())
@example(b"Fish & Chips", False)
@example(b"&AGE-", False)
@example(b"\xed\xa0\x80", False)
def test_octets_round_trip(raw: bytes, utf8: bool) -> None:
    """All octets that a server may send come back as themselves, and their text can be shown."""
    decoded = decode_name(raw, utf8=utf8)
    assert encode_name(decoded, utf8=utf8) == raw
    decoded.encode()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Fish & Chips", "Fish & Chips"),
        ("Odoslané správy".encode(), "Odoslané správy"),
        (b"Entw\xfcrfe", "Entwürfe"),
        (b"&AGE-", "a"),
    ],
)
def test_names_against_the_rules_are_readable(raw: bytes, text: str) -> None:
    """A name that breaks the rules reads as what was meant, and remembers its octets."""
    decoded = decode_utf7(raw)
    assert decoded == text
    assert isinstance(decoded, RawName)
    assert decoded.raw == raw


def test_raw_names_survive_copies() -> None:
    """Copies and pickles of such a name still know its octets."""
    name = decode_utf7(b"Fish & Chips")
    assert encode_utf7(copy.deepcopy(name)) == b"Fish & Chips"
    assert encode_utf7(pickle.loads(pickle.dumps(name))) == b"Fish & Chips"


@pytest.mark.parametrize("utf8", [True, False])
def test_half_a_surrogate_pair_is_refused(utf8: bool) -> None:
    """Text without an encoding is an error, not another name."""
    with pytest.raises(ValueError):
        encode_name("\ud83d", utf8=utf8)
