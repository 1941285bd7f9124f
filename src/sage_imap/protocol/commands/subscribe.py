"""SUBSCRIBE (RFC 9051 section 6.3.7)."""

from __future__ import annotations

from sage_imap.protocol.command import Command, MailboxArgument

__all__ = ["subscribe"]


def subscribe(mailbox: str) -> Command:
    """Add *mailbox* to those that clients show."""
    return Command("SUBSCRIBE", (MailboxArgument(mailbox),))
