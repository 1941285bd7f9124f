"""SASL mechanisms, without IO: what to say and what to answer."""

from __future__ import annotations

from sage_imap.auth.mechanisms import Mechanism, Plain, XOAuth2
from sage_imap.auth.messages import decode_challenge, decode_error, encode_response

__all__ = [
    "Mechanism",
    "Plain",
    "XOAuth2",
    "decode_challenge",
    "decode_error",
    "encode_response",
]
