"""UNSELECT: leave a mailbox without expunging it (RFC 3691).

::

    command-select =/ "UNSELECT"
"""

from __future__ import annotations

from sage_imap.protocol.command import Command

__all__ = ["unselect"]


def unselect() -> Command:
    """Leave the selected mailbox as it is."""
    return Command("UNSELECT", needs=("UNSELECT",))
