"""SASL messages on the wire."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.auth import decode_challenge, decode_error, encode_response


@given(st.binary())
def test_round_trip(data: bytes) -> None:
    """What is encoded is decoded again, on one line."""
    line = encode_response(data)
    assert b"\n" not in line
    assert decode_challenge(line.decode()) == data


@pytest.mark.parametrize("text", ["", "go ahead", "ä", "====", "abc"])
def test_chatter_is_no_challenge(text: str) -> None:
    """Text that is no base64 is an empty challenge."""
    assert decode_challenge(text) == b""


def test_oauth_error() -> None:
    """The JSON of a refusal is decoded, and what is no JSON object is nothing."""
    challenge = base64.b64encode(b'{"status":"400","scope":"x"}').decode()
    assert decode_error(decode_challenge(challenge)) == {"status": "400", "scope": "x"}


@given(st.binary() | st.sampled_from([b"[]", b"1", b"[" * 100_000, b'{"a":' * 100_000, b"\xff"]))
def test_errors_never_raise(challenge: bytes) -> None:
    """Whatever the server sends, the result is a dictionary."""
    assert isinstance(decode_error(challenge), dict)
