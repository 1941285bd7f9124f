"""Habits of real servers that the grammar of RFC 9051 does not allow and that we put up with.

Each has a name ``quirk_*``, is tolerated unless it is switched off, and is counted where it is met,
so that a support report can say what a server does. A name is documented where it is handled;
`CORE_QUIRKS` lists those of framing and of the connection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

__all__ = ["CORE_QUIRKS", "Quirks"]

CORE_QUIRKS: Final[dict[str, str]] = {
    "quirk_bare_lf": "a line ends in LF alone",
    "quirk_empty_line": "an empty line stands between two responses",
    "quirk_nul_padding": "NUL octets stand before a response",
    "quirk_stray_line_end": "a line end stands between a literal and the rest of its FETCH row",
    "quirk_unexpected_continuation": "a continuation comes that nothing waits for",
}


class Quirks:
    """Which quirks are tolerated, and how often each was met.

    *off* names those that are not tolerated. `seen` counts, by name; it is never reset.
    """

    __slots__ = ("_off", "seen")

    def __init__(self, *, off: Iterable[str] = ()) -> None:
        self._off = frozenset(off)
        self.seen: Counter[str] = Counter()

    def tolerate(self, name: str) -> bool:
        """True if the quirk *name*, which was just met, is to be put up with; it is counted."""
        self.seen[name] += 1
        return name not in self._off

    def __repr__(self) -> str:
        return f"Quirks(off={sorted(self._off)!r}, seen={dict(self.seen)!r})"
