"""LITERAL+ and LITERAL-: literals that do not wait (RFC 7888).

::

    literal  = "{" number ["+"] "}" CRLF *CHAR8
    literal8 = "~{" number ["+"] "}" CRLF *OCTET   ; RFC 3516, in APPEND only

With LITERAL- (which IMAP4rev2 implies) only literals of up to 4,096 octets may be sent unasked.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from sage_imap.protocol.capabilities import offers

__all__ = ["largest_unasked"]

_LITERAL_MINUS: Final = 4096  # RFC 7888 section 5
_NO_BOUND: Final = 1 << 62


def largest_unasked(capabilities: AbstractSet[str]) -> int:
    """The size in octets up to which a literal may be sent unasked; -1: none may."""
    if offers(capabilities, "LITERAL+"):
        return _NO_BOUND
    return _LITERAL_MINUS if offers(capabilities, "LITERAL-") else -1
