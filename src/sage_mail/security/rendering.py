"""A text as a reader sees it, and the way back to the characters that it was written with.

What stands between the digits of a number is written in many ways: a no-break space is a character,
``&nbsp;`` or ``%C2%A0``, and HTML puts tags around parts of it that no reader sees. Here each of
them is one character of a few, so that those who look for numbers need to know these few only.

The laws of this module:

- What is written with one character has one character here, and so has each reference, percent
  escape and tag: a place in the one text is a place in the other.
- Tags within a line are `INVISIBLE`, ``<br>`` is a line break. All others stay as they are, as
  between two cells of a table there is no number.
- Time is linear in the length of the text: no two tokens overlap, nor do attempts to read one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from html.entities import html5
from itertools import chain
from typing import Final
from urllib.parse import unquote

__all__ = ["INVISIBLE", "Rendering", "bare_tags"]

# Stands for all that takes no room.
INVISIBLE: Final = "\u200b"

_SPACES: Final = chain("\u00a0\u1680\u202f\u205f\u3000", map(chr, range(0x2000, 0x200B)))
_BREAKS: Final = "\u000b\u000c\u0085\u2028\u2029"
_DASHES: Final = chain("\u2212\ufe58\ufe63", map(chr, range(0x2010, 0x2016)))
# The soft hyphen, joiners, and the marks of writing from right to left, which telephones put around
# numbers.
_NO_ROOM: Final = chain(
    "\u00ad\u200c\u200d\u200e\u200f\ufeff",
    map(chr, chain(range(0x202A, 0x202F), range(0x2060, 0x206A))),
)
_ZEROS: Final = (0x0660, 0x06F0)  # Arabic-Indic digits, as they are written in Arabic and Persian
_FULL_WIDTH: Final = range(0xFF01, 0xFF5F)
_ONE_BY_ONE: Final = {
    **{ord(space): " " for space in _SPACES},
    **{ord(break_): "\n" for break_ in _BREAKS},
    **{ord(dash): "-" for dash in _DASHES},
    **{ord(mark): INVISIBLE for mark in _NO_ROOM},
    **{zero + digit: str(digit) for zero in _ZEROS for digit in range(10)},
    **{code: chr(code - 0xFEE0) for code in _FULL_WIDTH},
}

_REFERENCE: Final = r"&(?:\#[0-9]{1,7};?|\#x[0-9a-f]{1,6};?|[a-z][a-z0-9]{1,30};)"
_ESCAPE: Final = (
    "%(?:[0-7][0-9a-f]|[cd][0-9a-f]%[89ab][0-9a-f]|e[0-9a-f]%[89ab][0-9a-f]%[89ab][0-9a-f])"
)
# Elements that only change how text looks, and comments.
_ELEMENT: Final = (
    r"</?(?:abbr|b|bdi|bdo|big|br|code|data|em|font|i|ins|kbd|label|mark|nobr|samp|small|span|strong"
    r"|sub|sup|tt|u|var|wbr)"
)
_ATTRIBUTES: Final = r"(?:[\s/][^<>]*)?>"
_TAG: Final = rf"{_ELEMENT}{_ATTRIBUTES}|<!--[^<>]*-->"
_BARE_TAG: Final = re.compile(f"({_ELEMENT}){_ATTRIBUTES}", re.IGNORECASE)
_TOKEN: Final = re.compile(f"{_REFERENCE}|{_ESCAPE}", re.IGNORECASE)
_TOKEN_OR_TAG: Final = re.compile(f"{_REFERENCE}|{_ESCAPE}|{_TAG}", re.IGNORECASE)
_LINE_BREAK: Final = re.compile(r"<br\b", re.IGNORECASE)


class Rendering:
    """The text as it is seen, in ``text``; `written` says where in what was written a place is."""

    def __init__(self, text: str, *, tags: bool) -> None:
        """Read the text; with *tags* those within a line are no text, but what is in them is lost
        from sight, too.
        """
        pieces: list[str] = []
        self._places: list[int] = []
        self._surplus = [0]
        done = length = 0
        for start, end, seen in _tokens(text, tags=tags):
            length += start - done
            pieces += (text[done:start], seen)
            self._places.append(length)
            self._surplus.append(self._surplus[-1] + end - start - 1)
            length += 1
            done = end
        self.text = "".join([*pieces, text[done:]]).translate(_ONE_BY_ONE)

    def written(self, place: int) -> int:
        """Where in what was written the character begins that is seen at the place."""
        return place + self._surplus[bisect_left(self._places, place)]


def bare_tags(text: str) -> str:
    """The tags within a line that the text has, in their order, without attributes."""
    return "".join(f"{tag}>" for tag in _BARE_TAG.findall(text))


def _tokens(text: str, *, tags: bool) -> Iterator[tuple[int, int, str]]:
    pattern = _TOKEN_OR_TAG if tags else _TOKEN
    for match in pattern.finditer(text):
        seen = _READERS[match[0][0]](match[0])
        if len(seen) == 1:
            yield *match.span(), seen


def _reference(token: str) -> str:
    if token[1] != "#":
        return html5.get(token[1:], "")
    digits = token[2:].rstrip(";")
    code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
    return chr(code) if code < 0x11_0000 else ""


def _escape(token: str) -> str:
    return unquote(token)


def _tag(token: str) -> str:
    return "\n" if _LINE_BREAK.match(token) else INVISIBLE


_READERS: Final[dict[str, Callable[[str], str]]] = {"&": _reference, "%": _escape, "<": _tag}
