"""The values that all of IMAP is written in: NIL, atoms, strings and lists.

`Scanner` reads them off one response. It is tolerant in the few ways that are named here, never
recursive, and linear in the length of the response:

``quirk_extra_space``
    more than one space between two values, or one beside a parenthesis or at the end.
``quirk_missing_space``
    no space between two items of a FETCH row, or before its parenthesis.
``quirk_bare_quote``
    a quote inside a quoted string that has no backslash before it. A quote ends the string only
    where a space, a parenthesis or the end of the response follows.
``quirk_bare_backslash``
    a backslash inside a quoted string before anything but a quote or a backslash: it is content.
``quirk_control_in_quoted``
    CR, LF or NUL inside a quoted string: it is content.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from sage_imap.protocol.grammar.text import decode_text

if TYPE_CHECKING:
    from sage_imap.protocol.framing import Frame
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = [
    "Scanner",
    "Unreadable",
    "Value",
    "as_list",
    "as_number",
    "as_text",
    "atom_text",
    "string",
]

Value: TypeAlias = "str | bytes | list[Value] | None"
"""An atom (as latin-1), the octets of a string, a list, or NIL."""

_OPEN: Final = 2
_CLOSE: Final = 3
_STRING: Final = 4
_ATOM: Final = 5
# An atom here is whatever is no other token: brackets, 8-bit octets and wildcards included.
_TOKEN: Final = re.compile(
    rb"( *+)(?:(\()|(\))"
    rb'|"([^"\\\x00\r\n]*+)"(?=[ ()]|\Z)'
    rb"|([^\x00-\x20()\"{\x7f][^\x00-\x20()\"\x7f]*+)(?=[ ()]|\Z))"
)
_SPACES: Final = re.compile(rb" *+")
_LITERAL: Final = re.compile(rb"~?\{[0-9]{1,18}\+?\}\r?\n")
_NAME: Final = re.compile(
    rb'([A-Za-z0-9.\-_/$]++)(?:\[((?>(?:[^\]"\r\n]++|"(?>(?:[^"\\]++|\\.)*)")*))\])?'
    rb"(<[0-9]{1,20}>)?(?= |\Z)"
)
_QUOTE: Final = re.compile(rb'\\["\\]|"')
_CONTROLS: Final = re.compile(rb"[\x00\r\n]")
_ESCAPE: Final = re.compile(rb'\\(["\\])')
_CLOSES_STRING: Final = b" ()"
_NUMBER: Final = re.compile(r"[0-9]{1,20}")


class Unreadable(Exception):
    """The response cannot be understood; the reason holds nothing of its content."""


class Scanner:
    """Reads the values of one response from *position* on."""

    __slots__ = ("_context", "_frame", "_literals", "_room", "data", "position")

    def __init__(self, frame: Frame, context: DecodeContext, position: int = 0) -> None:
        self._frame = frame
        self.data = frame.data
        self.position = position
        self._context = context
        self._room = context.limits.values
        self._literals = dict(frame.literals) if frame.literals else None

    def tolerate(self, quirk: str) -> None:
        """Go on in spite of *quirk*; raises `Unreadable` where it is switched off."""
        if not self._context.quirks.tolerate(quirk):
            raise Unreadable(f"{quirk} was met and is switched off")

    def at_end(self) -> bool:
        """Whether nothing but spaces follows, which are skipped."""
        end = len(self.data)
        if self.position == end:
            return True
        match = _SPACES.match(self.data, self.position)
        if match is None or match.end() != end:
            return False
        self.tolerate("quirk_extra_space")
        self.position = end
        return True

    def expect_end(self) -> None:
        """Raises `Unreadable` where anything but spaces follows."""
        if not self.at_end():
            raise Unreadable("there is something behind the end of the response")

    def skip_spaces(self, expected: int) -> None:
        """Skip spaces; any number but *expected* is a quirk."""
        match = _SPACES.match(self.data, self.position)
        found = match.end() - self.position if match else 0
        if found != expected:
            self.tolerate("quirk_extra_space" if found > expected else "quirk_missing_space")
        self.position += found

    def closes(self) -> bool:
        """Whether a closing parenthesis follows; it is skipped, and so are spaces before it."""
        match = _SPACES.match(self.data, self.position)
        end = match.end() if match else self.position
        if self.data[end : end + 1] != b")":
            return False
        if end > self.position:
            self.tolerate("quirk_extra_space")
        self.position = end + 1
        return True

    def item_name(self) -> tuple[str, str | None, str]:
        """The name of a FETCH item in upper case, its section if it has one, and its origin."""
        match = _NAME.match(self.data, self.position)
        if match is None:
            raise Unreadable("the name of an item was expected")
        self.position = match.end()
        name, section, origin = match.groups()
        return (
            name.decode().upper(),
            None if section is None else decode_text(section),
            origin.decode() if origin else "",
        )

    def rest(self) -> list[Value]:
        """All values up to the end of the response."""
        values: list[Value] = []
        while not self.at_end():
            values.append(self.value())
        return values

    def value(self) -> Value:
        """The next value."""
        self._room -= 1
        if self._room < 0:
            raise Unreadable("there are too many values")
        match = _TOKEN.match(self.data, self.position)
        if match is None:
            return self._string()
        if match.end(1) - self.position > 1:
            self.tolerate("quirk_extra_space")
        self.position = match.end()
        match match.lastindex:
            case 2:
                return self._list()
            case 3:
                raise Unreadable("a parenthesis closes that was never opened")
            case 4:
                return match[4]
        return _atom(match[5])

    def _list(self) -> list[Value]:
        """The list whose opening parenthesis was just read."""
        data, position = self.data, self.position
        most_outer = self._context.limits.nesting - 1
        outer: list[list[Value]] = []
        current: list[Value] = []
        begun = True
        room = self._room
        while True:
            room -= 1
            if room < 0:
                raise Unreadable("there are too many values")
            match = _TOKEN.match(data, position)
            if match is None:
                self.position = position
                current.append(self._string())
                position, begun = self.position, False
                continue
            kind = match.lastindex
            if (spaces := match.end(1) - position) and (spaces > 1 or begun or kind == _CLOSE):
                self.tolerate("quirk_extra_space")
            position = match.end()
            begun = kind == _OPEN
            if kind == _ATOM:
                current.append(_atom(match[_ATOM]))
            elif kind == _STRING:
                current.append(match[_STRING])
            elif kind == _OPEN:
                if len(outer) >= most_outer:
                    raise Unreadable("parentheses are nested too deeply")
                inner: list[Value] = []
                current.append(inner)
                outer.append(current)
                current = inner
            elif outer:
                current = outer.pop()
            else:
                self.position = position
                self._room = room
                return current

    def _string(self) -> bytes:
        """A string that is not the plain quoted one, after at most one space."""
        match = _SPACES.match(self.data, self.position)
        start = match.end() if match else self.position
        if start - self.position > 1:
            self.tolerate("quirk_extra_space")
        if self.data[start : start + 1] == b'"':
            return self._quoted(start + 1)
        marker = _LITERAL.match(self.data, start)
        end = self._literals.get(marker.end()) if marker and self._literals else None
        if marker is None or end is None:
            raise Unreadable("a value was expected")
        self.position = end
        return self._frame.literal(marker.end(), end)

    def _quoted(self, start: int) -> bytes:
        data = self.data
        bare = False
        for match in _QUOTE.finditer(data, start):
            if match[0] != b'"':
                continue
            end = match.end()
            if end == len(data) or data[end] in _CLOSES_STRING:
                break
            bare = True
        else:
            raise Unreadable("a quoted string does not end")
        self.position = end
        content = data[start : end - 1]
        if bare:
            self.tolerate("quirk_bare_quote")
        if _CONTROLS.search(content):
            self.tolerate("quirk_control_in_quoted")
        if b"\\" not in content:
            return content
        if b"\\" in _ESCAPE.sub(b"", content):
            self.tolerate("quirk_bare_backslash")
        return _ESCAPE.sub(rb"\1", content)


def _atom(raw: bytes) -> str | None:
    if len(raw) == 3 and raw.upper() == b"NIL":
        return None
    return raw.decode("latin-1")


def string(value: Value) -> bytes:
    """The octets of *value*, which is a string, or an atom where a string may be one.

    The atom NIL names a mailbox like any other (RFC 9051 section 9, astring).
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("latin-1")
    if value is None:
        return b"NIL"
    raise Unreadable("a string was expected")


def atom_text(value: Value) -> str:
    """*value* as text, where it is an atom or a string."""
    if value is None:
        raise Unreadable("a string was expected")
    return decode_text(string(value))


def as_text(value: Value) -> str | None:
    """*value* as text, or None where it is NIL."""
    return None if value is None else decode_text(string(value))


def as_number(value: Value) -> int:
    """*value* as a number that is not negative."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise Unreadable("a number was expected")
    return int(value)


def as_list(value: Value) -> list[Value]:
    """*value*, which is a list; NIL is the empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable("a list was expected")
    return value
