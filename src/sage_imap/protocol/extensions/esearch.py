"""ESEARCH: results as sets and counts (RFC 4731).

::

    search-return-opts   = "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
    search-return-opt    = "MIN" / "MAX" / "ALL" / "COUNT"
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sage_imap.errors import LocalProtocolError

__all__ = ["return_options"]

_OPTIONS: Final = frozenset({"ALL", "COUNT", "MAX", "MIN"})


def return_options(options: Iterable[str]) -> bytes:
    """The RETURN clause; no option at all means ALL to the server."""
    names = [option.upper() for option in options]
    if not _OPTIONS.issuperset(names):
        raise LocalProtocolError("RETURN takes ALL, COUNT, MAX and MIN; nothing was sent")
    return b"RETURN (" + " ".join(names).encode("ascii") + b")"
