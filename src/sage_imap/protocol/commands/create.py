"""CREATE (RFC 9051 section 6.3.4)."""

from __future__ import annotations

from sage_imap.protocol.command import Command, MailboxArgument

__all__ = ["create"]


def create(mailbox: str) -> Command:
    """Create *mailbox*, in the server's own spelling: its delimiter, its namespace."""
    return Command("CREATE", (MailboxArgument(mailbox),))
