"""RENAME (RFC 9051 section 6.3.6)."""

from __future__ import annotations

from sage_imap.protocol.command import Command, MailboxArgument

__all__ = ["rename"]


def rename(mailbox: str, to: str) -> Command:
    """Give *mailbox*, and what is below it, the name *to*; of INBOX, move the messages."""
    return Command("RENAME", (MailboxArgument(mailbox), b" ", MailboxArgument(to)))
