"""STARTTLS (RFC 9051 section 6.2.1)."""

from __future__ import annotations

from sage_imap.protocol.command import Command

__all__ = ["starttls"]


def starttls() -> Command:
    """Ask for TLS; after its OK comes the handshake, then `Connection.start_tls_done`."""
    return Command("STARTTLS", needs=("STARTTLS",))
