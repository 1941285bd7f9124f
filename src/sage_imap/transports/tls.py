"""TLS contexts: verification on, TLS 1.2 at least; and what a failed handshake is called."""

from __future__ import annotations

import ssl
from typing import Final

from sage_imap.errors import ConnectionLost, TLSFailed

__all__ = ["default_context", "handshake_error"]

# OpenSSL's word for octets that are no TLS at all.
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG"})


def default_context() -> ssl.SSLContext:
    """A context that verifies the server's name against the system's authorities.

    TLS 1.2 is the oldest version that RFC 8314 section 4.1 and RFC 8996 leave.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def handshake_error(error: ssl.SSLError) -> ConnectionLost:
    """The library's error for a handshake that failed; nothing was sent before it."""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return ConnectionLost("no TLS: the server closed the connection in the handshake")
    if isinstance(error, ssl.SSLCertVerificationError):
        return TLSFailed(f"the server's certificate is not trusted: {error.verify_message}")
    if error.reason in _NO_TLS:
        return TLSFailed(
            "no TLS: what the server speaks on this port is not TLS; is it the port of STARTTLS?"
        )
    return TLSFailed(f"no TLS: {error.reason or error}")
