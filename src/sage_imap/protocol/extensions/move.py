"""MOVE (RFC 6851).

::

    uid  = "UID" SP ("MOVE" SP sequence-set SP mailbox)

The server tells the new UIDs in an untagged OK with COPYUID, before the EXPUNGE responses.
"""

from __future__ import annotations

from sage_imap.protocol.arguments import message_set
from sage_imap.protocol.command import Command, MailboxArgument
from sage_imap.protocol.sets import UIDSet

__all__ = ["move"]


def move(uids: UIDSet | str, mailbox: str) -> Command:
    """Move the messages *uids* into *mailbox*; the OK says nothing of UIDs that were gone."""
    parts = (message_set(uids) + b" ", MailboxArgument(mailbox))
    return Command("UID MOVE", parts, needs=("MOVE",))
