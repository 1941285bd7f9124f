"""UID COPY (RFC 9051 section 6.4.7)."""

from __future__ import annotations

from sage_imap.protocol.arguments import message_set
from sage_imap.protocol.command import Command, MailboxArgument
from sage_imap.protocol.sets import UIDSet

__all__ = ["copy"]


def copy(uids: UIDSet | str, mailbox: str) -> Command:
    """Copy the messages *uids* into *mailbox*; COPYUID in the completion says which it were."""
    return Command("UID COPY", (message_set(uids) + b" ", MailboxArgument(mailbox)))
