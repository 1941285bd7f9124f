"""UNSUBSCRIBE (RFC 9051 section 6.3.8)."""

from __future__ import annotations

from sage_imap.protocol.command import Command, MailboxArgument

__all__ = ["unsubscribe"]


def unsubscribe(mailbox: str) -> Command:
    """Take *mailbox* out of those that clients show."""
    return Command("UNSUBSCRIBE", (MailboxArgument(mailbox),))
