"""LOGOUT (RFC 9051 section 6.1.3)."""

from __future__ import annotations

from sage_imap.protocol.command import Command

__all__ = ["logout"]


def logout() -> Command:
    """Take leave; answered by `ByeReceived` and the end of the stream."""
    return Command("LOGOUT")
