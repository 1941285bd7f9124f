"""NOOP (RFC 9051 section 6.1.2)."""

from __future__ import annotations

from sage_imap.protocol.command import Command

__all__ = ["noop"]


def noop() -> Command:
    """Give the server an occasion to tell news."""
    return Command("NOOP")
