"""SASL messages on the wire of IMAP: base64, and the JSON of OAuth errors."""

from __future__ import annotations

import json
from binascii import Error as BinasciiError
from binascii import a2b_base64, b2a_base64

__all__ = ["decode_challenge", "decode_error", "encode_response"]


def encode_response(response: bytes) -> bytes:
    """*response* as the line that answers a continuation; an empty one is an empty line."""
    return b2a_base64(response, newline=False)


def decode_challenge(text: str) -> bytes:
    """The challenge behind the ``+``; empty where the text is no base64, as servers chat there."""
    try:
        return a2b_base64(text.strip().encode("ascii"), strict_mode=True)
    except (BinasciiError, UnicodeEncodeError):
        return b""


def decode_error(challenge: bytes) -> dict[str, object]:
    """The members of an OAuth error (RFC 7628 section 3.2.2); empty where it is none."""
    try:
        decoded = json.loads(challenge)
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}
