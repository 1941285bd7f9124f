"""How much of a server's output is believed; every bound of the protocol core is in this file.

Going past a bound of framing ends the connection (`LimitExceeded`), because what follows cannot be
told from what was refused; going past a bound of the grammar costs that one response.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_LIMITS", "Limits"]

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds in octets, unless their name says otherwise."""

    line: int = 8 * _MIB
    """One line, up to its line end. A plain SEARCH names all its hits in one line, and a million
    of them take 7.9 MB; nothing else that servers send comes near."""

    literal: int = 8 * _MIB
    """A literal that stands for a name, an envelope field or the like: as much as it could be
    were it sent in a quoted string."""

    body_literal: int = 128 * _MIB
    """A literal behind BODY[...], BINARY[...] or RFC822 in a FETCH. Large providers refuse
    messages above 150 MB as encoded and most above 50 MB; what is larger than 64 MiB is to be
    fetched in parts anyway."""

    response: int = 160 * _MIB
    """One response with all its lines and literals: the largest body, and room for its row."""

    literals: int = 10_000
    """Literals in one response, a count. Each costs some hundred octets of ours and five of the
    server's; a row with as many recipients sent as literals exists only in tests."""

    nesting: int = 100
    """Depth of parentheses in one response, a count. Real mail nests below 20; Python's own
    recursion ends at 1,000."""

    values: int = 3_200_000
    """Values that are read one by one in one response, a count; a list counts when it opens and
    when it closes. Three octets on the wire may cost a hundred and fifty of ours, and a response
    has many lines. A THREAD of a million messages, each alone, has three million."""

    parse_failure_raw: int = 1024
    """What a `ParseFailure` keeps of the response: enough to see which it was."""


DEFAULT_LIMITS: Final = Limits()
