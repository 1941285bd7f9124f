"""AUTHENTICATE (RFC 9051 section 6.2.2), with SASL-IR (RFC 4959)."""

from __future__ import annotations

from binascii import b2a_base64

from sage_imap.protocol.arguments import atom
from sage_imap.protocol.command import Command

__all__ = ["authenticate"]


def authenticate(mechanism: str, initial_response: bytes | None = None) -> Command:
    """Sign in by a SASL mechanism.

    *initial_response* goes along with the command where the server offers SASL-IR; None: it is
    the answer to the first continuation.
    """
    name = atom(mechanism, "the SASL mechanism")
    if initial_response is None:
        return Command("AUTHENTICATE", (name,), needs=(f"AUTH={mechanism}",))
    # RFC 4959 section 3: an empty response is "=", so that it can be told from none.
    response = b2a_base64(initial_response, newline=False) or b"="
    return Command("AUTHENTICATE", (name, b" ", response), needs=(f"AUTH={mechanism}", "SASL-IR"))
