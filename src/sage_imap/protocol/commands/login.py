"""LOGIN (RFC 9051 section 6.2.3)."""

from __future__ import annotations

from sage_imap.protocol.command import Command, Text

__all__ = ["login"]


def login(user: str, password: str) -> Command:
    """Sign in with a password, which is sent as it is."""
    return Command("LOGIN", (Text(user), b" ", Text(password)))
