"""CAPABILITY (RFC 9051 section 6.1.1)."""

from __future__ import annotations

from sage_imap.protocol.command import Command

__all__ = ["capability"]


def capability() -> Command:
    """Ask what the server offers; answered by `CapabilitiesReceived`."""
    return Command("CAPABILITY")
