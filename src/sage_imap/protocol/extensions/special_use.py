"""SPECIAL-USE: what mailboxes are for (RFC 6154, with LIST-EXTENDED of RFC 5258).

::

    list-return-opt =/ "SPECIAL-USE"   ; LIST ref pattern RETURN (SPECIAL-USE)
"""

from __future__ import annotations

from typing import Final

__all__ = ["RETURN_OPTION"]

RETURN_OPTION: Final = b"SPECIAL-USE"
"""Asks LIST to tell the special use of each mailbox."""
