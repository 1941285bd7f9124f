"""STATUS (RFC 9051 section 6.3.11)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sage_imap.errors import LocalProtocolError
from sage_imap.protocol.arguments import atom
from sage_imap.protocol.command import Command, MailboxArgument

__all__ = ["STATUS_NEEDS", "status"]

STATUS_NEEDS: Final = {
    "APPENDLIMIT": "APPENDLIMIT",  # RFC 7889
    "HIGHESTMODSEQ": "CONDSTORE",  # RFC 7162
    "MAILBOXID": "OBJECTID",  # RFC 8474
    "SIZE": "STATUS=SIZE",  # RFC 8438
}
"""The capability that an item needs; the others are in every server."""


def status(mailbox: str, items: Iterable[str]) -> Command:
    """Ask for counters of *mailbox*, which need not be selected."""
    names = [atom(item, "a STATUS item").decode("ascii").upper() for item in items]
    if not names:
        raise LocalProtocolError("STATUS without an item; nothing was sent")
    words = " ".join(names).encode("ascii")
    needs = tuple(STATUS_NEEDS[name] for name in names if name in STATUS_NEEDS)
    return Command("STATUS", (MailboxArgument(mailbox), b" (" + words + b")"), needs=needs)
