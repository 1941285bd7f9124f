"""CONDSTORE: changes since a mod-sequence (RFC 7162).

::

    select-param        =/ "CONDSTORE"
    fetch-modifier      =/ "CHANGEDSINCE" SP mod-sequence-value
    store-modifier      =/ "UNCHANGEDSINCE" SP mod-sequence-valzer
    search-key          =/ "MODSEQ" SP mod-sequence-valzer
"""

from __future__ import annotations

from typing import Final

from sage_imap.errors import LocalProtocolError
from sage_imap.protocol.arguments import number

__all__ = [
    "SELECT_PARAMETER",
    "changed_since_modifier",
    "modified_since",
    "unchanged_since_modifier",
]

SELECT_PARAMETER: Final = b"(CONDSTORE)"
"""Switches mod-sequences on for the connection (section 3.1.8)."""


def changed_since_modifier(modseq: int) -> bytes:
    """FETCH only messages with a mod-sequence above *modseq*, 1 at least (section 3.1.4.1)."""
    since = number(modseq, "the mod-sequence")
    if modseq < 1:
        raise LocalProtocolError("CHANGEDSINCE takes a mod-sequence from 1 on; nothing was sent")
    return b"(CHANGEDSINCE " + since + b")"


def unchanged_since_modifier(modseq: int) -> bytes:
    """STORE only where the mod-sequence is at most *modseq* (section 3.1.3)."""
    return b"(UNCHANGEDSINCE " + number(modseq, "the mod-sequence") + b")"


def modified_since(modseq: int) -> bytes:
    """SEARCH messages with a mod-sequence above *modseq*.

    The key itself means "at least" (section 3.1.5), unlike CHANGEDSINCE.
    """
    return b"MODSEQ " + number(modseq + 1, "the mod-sequence")
