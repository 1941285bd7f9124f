"""DELETE (RFC 9051 section 6.3.5)."""

from __future__ import annotations

from sage_imap.protocol.command import Command, MailboxArgument

__all__ = ["delete"]


def delete(mailbox: str) -> Command:
    """Delete *mailbox* and what is in it."""
    return Command("DELETE", (MailboxArgument(mailbox),))
