"""LIST (RFC 9051 section 6.3.9)."""

from __future__ import annotations

from sage_imap.protocol.command import Command, MailboxArgument
from sage_imap.protocol.extensions.special_use import RETURN_OPTION

__all__ = ["list_mailboxes"]


def list_mailboxes(
    reference: str = "", pattern: str = "*", *, special_use: bool = False
) -> Command:
    """Ask for the mailboxes whose names fit *pattern*: ``%`` stops at a delimiter, ``*`` does not.

    *special_use* asks for what they are for, which many servers tell unasked.
    """
    parts = (MailboxArgument(reference), b" ", MailboxArgument(pattern))
    if not special_use:
        return Command("LIST", parts)
    needs = ("SPECIAL-USE", "LIST-EXTENDED")
    return Command("LIST", (*parts, b" RETURN (" + RETURN_OPTION + b")"), needs=needs)
