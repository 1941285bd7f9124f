"""UIDPLUS: expunge by UID (RFC 4315).

::

    uid-expunge = "UID" SP "EXPUNGE" SP sequence-set
"""

from __future__ import annotations

from sage_imap.protocol.arguments import message_set
from sage_imap.protocol.command import Command
from sage_imap.protocol.sets import UIDSet

__all__ = ["expunge"]


def expunge(uids: UIDSet | str) -> Command:
    """Remove those of *uids* that are flagged ``\\Deleted``, and no other message."""
    return Command("UID EXPUNGE", (message_set(uids),), needs=("UIDPLUS",))
