"""SELECT and EXAMINE (RFC 9051 sections 6.3.2 and 6.3.3)."""

from __future__ import annotations

from sage_imap.protocol.command import Command, MailboxArgument
from sage_imap.protocol.extensions.condstore import SELECT_PARAMETER

__all__ = ["select"]


def select(mailbox: str, *, readonly: bool = False, condstore: bool = False) -> Command:
    """Select *mailbox*, with *readonly* by EXAMINE; *condstore* switches on mod-sequences."""
    name = "EXAMINE" if readonly else "SELECT"
    if condstore:
        parts = (MailboxArgument(mailbox), b" " + SELECT_PARAMETER)
        return Command(name, parts, needs=("CONDSTORE",))
    return Command(name, (MailboxArgument(mailbox),))
