"""Cutting the server's stream into whole responses, without understanding them.

Laws of this module:

- A response that is framed is complete: all its lines and all its literals. What the grammar then
  cannot understand is skipped whole and the stream stays in step.
- Every octet is looked at a bounded number of times, however the stream is cut into reads.
- A length is checked against `Limits` when it is announced, before anything is kept for it.

A literal is announced by ``{n}``, ``{n+}`` or ``~{n}`` at the end of a line (RFC 9051 section 4.3,
RFC 7888, RFC 3516), but only where strings may stand: text that people read may end in ``{5}`` too,
so completions, continuations and status responses never have literals, and neither do a word such
as ``name{5}`` or a quoted string that was left open.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from typing import Final

from sage_imap.errors import LimitExceeded, RemoteProtocolError
from sage_imap.protocol.limits import DEFAULT_LIMITS, Limits
from sage_imap.protocol.quirks import Quirks

__all__ = ["Frame", "Framer"]

_CR: Final = 0x0D
_CLOSING_BRACE: Final = 0x7D

# Responses in which no string can stand, by the first word behind "*" or behind its number.
_WITHOUT_STRINGS: Final = frozenset(
    {
        b"BAD",
        b"BYE",
        b"CAPABILITY",
        b"ENABLED",
        b"EXISTS",
        b"EXPUNGE",
        b"FLAGS",
        b"NO",
        b"OK",
        b"PREAUTH",
        b"RECENT",
        b"SEARCH",
        b"SORT",
        b"THREAD",
        b"VANISHED",
    }
)
_FIRST_WORD: Final = re.compile(rb"\* *(?:[0-9]+ +)?([A-Za-z0-9.-]+)")
_MARKER: Final = re.compile(rb"(?:(?<=[ (\]>])|\A)~?\{([0-9]+)\+?\}\Z")
_BODY_ITEM: Final = re.compile(rb"(?:\]|>|RFC822(?:\.HEADER|\.TEXT)?) *\Z", re.IGNORECASE)
# How nearly every row begins that has a body, or a string of its envelope as a literal.
_ROW: Final = (
    rb"\* [0-9]{1,10} FETCH \((?:UID [0-9]{1,10} )?(?:FLAGS \([^()\"{}\x00-\x1f]*+\) )?"
    rb'(?:INTERNALDATE "[^"\\{}\x00-\x1f]*+" )?'
)
_BODY_ROW: Final = re.compile(_ROW + rb"BODY\[[A-Z0-9.]*+\] \{([0-9]{1,9})\}")
_ENVELOPE_ROW: Final = re.compile(
    _ROW + rb"(?:RFC822\.SIZE [0-9]{1,20} )?"
    rb'ENVELOPE \((?>(?:"[^"\\]*+"|NIL|[ ()])*)(?<=[ (])\{([0-9]{1,9})\}'
)
# What stands between two bodies in nearly every answer.
_NEXT_BODY_ROW: Final = re.compile(rb"\)\r\n(" + _BODY_ROW.pattern + rb"\r\n)")
_FETCHES: Final = frozenset({b"FETCH", b"UIDFETCH"})

_PADDING: Final = re.compile(rb"\0+|(?:\r\n)+|\n")

# More digits than any length that could be accepted; `int` itself refuses some thousands of them.
_MOST_DIGITS: Final = 18
_LONGEST_MARKER: Final = len("] {123456789}")
# Precedent: one stray line end was seen in the wild; a few more cost nothing.
_MOST_STRAY_LINE_ENDS: Final = 4
# Longer ones are bodies, which are not worth copying in order to look at them.
_SHORT_LITERAL: Final = 4096
_LARGE_BODY: Final = 1024 * 1024
# Behind more there may be a body, in which it is in vain to look for lines.
_MOST_AT_ONCE: Final = 32 * 1024
# Reads of less are one or two lines, where looking ahead costs more than it saves.
_WORTH_SPLITTING: Final = 256


class _Odd(Enum):
    """What an odd line turned out to be."""

    RESPONSE = "the end of a response"
    SKIPPED = "nothing"
    WAIT = "only the next octet can tell"


@dataclass(slots=True)
class Frame:
    """One whole response of the server, without its final line end.

    ``data`` holds the literals in place: marker, line end, octets. ``literals`` has the (start,
    end) offsets in ``data`` of their octets and is empty for most responses. A body of some length
    is not in its place but in ``apart``, by its offset, lest it be copied once more. It is not
    frozen, because one is made for every line that a server sends.
    """

    data: bytes
    literals: tuple[tuple[int, int], ...] = ()
    apart: dict[int, bytes] | None = None

    def literal(self, start: int, end: int) -> bytes:
        """The octets of the literal at these offsets."""
        if self.apart is not None and start in self.apart:
            return self.apart[start]
        return self.data[start:end]


class Framer:
    """Takes octets as they come and gives whole responses.

    After it has raised, the stream is out of step for good: the framer is not to be used again.
    """

    __slots__ = (
        "_apart",
        "_body",
        "_buffer",
        "_fresh",
        "_head",
        "_kind",
        "_limits",
        "_line",
        "_literal_end",
        "_literals",
        "_missing",
        "_quirks",
        "_ready",
        "_scan",
        "_start",
        "_strays",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS, quirks: Quirks | None = None) -> None:
        self._limits = limits
        self._quirks = Quirks() if quirks is None else quirks
        self._buffer = bytearray()
        self._start = 0  # where the response begun, or its part behind `_head`
        self._line = 0  # where the current line begun, behind the last literal
        self._scan = 0  # no line end between `_line` and here
        self._literal_end = 0  # where the literal being read ends; 0: none is
        self._literals: list[tuple[int, int]] = []
        self._missing = 0  # octets of a body that is kept apart and did not come yet
        self._body = BytesIO()  # those that did
        self._apart: dict[int, bytes] = {}
        self._head = b""  # the response up to its last stray line end, or its last body
        self._strays = 0
        self._ready: deque[Frame | bytes] = deque()  # octets: a response that is one plain line
        self._fresh = False  # a large read came that was not looked at yet
        self._kind = b""  # the first word of a response that announced a literal

    @property
    def ready(self) -> deque[Frame | bytes]:
        """The responses that are cut already, for who can take several at one go.

        One that is a plain line stands as octets, since a frame for each costs a tenth of all work.
        """
        return self._ready

    @property
    def buffered(self) -> int:
        """The number of octets that came and were not given out yet."""
        ready = sum(map(_size, self._ready))
        apart = self._body.tell() + _total(self._apart)
        return ready + apart + len(self._head) + len(self._buffer) - self._start

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take *data*, the next octets of the stream."""
        start = self._start
        if start:
            del self._buffer[:start]
            self._line -= start
            self._scan -= start
            if self._literal_end:
                self._literal_end -= start
            self._start = 0
        rest = memoryview(data)
        while self._missing:
            rest = self._take_missing(rest)
            if self._missing:
                self._fresh = False
                return
            rest = self._take_next_body_row(rest)
        self._fresh = len(rest) >= _WORTH_SPLITTING
        self._buffer += rest

    def _take_missing(self, data: memoryview) -> memoryview:
        """Take what *data* has of the body that is being read; the rest of *data*."""
        size = self._missing
        if len(data) >= size and not self._body.tell():
            self._apart[self._literals[-1][0]] = bytes(data[:size])
            self._missing = 0
            return data[size:]
        taken = self._body.write(data[:size])
        self._missing -= taken
        if not self._missing:
            # Its value is what it has written, without another copy.
            self._apart[self._literals[-1][0]] = self._body.getvalue()
            self._body = BytesIO()
        return data[taken:]

    def _take_next_body_row(self, data: memoryview) -> memoryview:
        """End the row whose body is complete and begin the next, if that is all there is to see.

        Line by line, through the buffer, it costs three times as much. The rest of *data*.
        """
        found = _NEXT_BODY_ROW.match(data)
        if found is None or len(self._literals) > 1 or self._strays:
            return data
        head, size = found[1], int(found[2])
        if size <= _SHORT_LITERAL or not self._is_within_limits(len(head), size):
            return data
        self._ready.append(self._complete(b")"))
        self._kind = b"FETCH"
        self._head = head
        self._literals.append((len(head), len(head)))
        self._body = _room_for(size)
        self._missing = size
        return data[found.end() :]

    def _is_within_limits(self, head: int, body: int) -> bool:
        limits = self._limits
        return (
            head - len(b"\r\n") <= limits.line
            and body <= limits.body_literal
            and head + body <= limits.response
        )

    def next_frame(self) -> Frame | None:
        """The next whole response, or None where more octets are needed.

        Raises `LimitExceeded` where a bound is passed, and `RemoteProtocolError` at a quirk of
        framing that is switched off.
        """
        if self._ready or (self._fresh and self._take_fresh()):
            found = self._ready.popleft()
            return Frame(found) if isinstance(found, bytes) else found
        return self._scan_response()

    def _scan_response(self) -> Frame | None:
        buffer = self._buffer
        while not self._missing and (not self._literal_end or self._end_literal()):
            newline = buffer.find(b"\n", self._scan)
            if newline < 0:
                self._scan = len(buffer)
                self._check_line(self._scan - 1)  # the last octet may be the CR of its end
                return None
            end = newline - 1
            bare = end < self._line or buffer[end] != _CR
            if bare:
                end = newline
            self._check_line(end)
            if bare:
                self._tolerate("quirk_bare_lf")
            if end == self._line or not (self._head or buffer[self._start]):
                match self._look_at_odd_line(newline):
                    case _Odd.WAIT:
                        return None
                    case _Odd.SKIPPED:
                        continue
            elif buffer[end - 1] == _CLOSING_BRACE and self._begin_literal(end, newline):
                continue
            return self._finish(end, newline)
        return None

    def _end_literal(self) -> bool:
        """Whether the literal being read is all there; if so, its line goes on behind it."""
        if len(self._buffer) < self._literal_end:
            return False
        self._line = self._scan = self._literal_end
        self._literal_end = 0
        return True

    def _take_fresh(self) -> bool:
        """Cut the plain responses at the head of a large read at one go; whether there were any.

        A response is plain if its lines are neither empty nor odd and its literals are short. It
        ends before the first one that is not.
        """
        start = self._start
        if self._scan != start or self._head or self._literal_end or self._missing:
            return False  # within a response, which has to be finished first
        if _BODY_ROW.match(self._buffer, start) is not None:
            return False  # it is cut quicker by itself
        with memoryview(self._buffer) as view:
            region = bytes(view[start : start + _MOST_AT_ONCE])
        taken = self._take_lines(region)
        # Where much of it was left, looking at it again and again would cost more than it saves.
        self._fresh = 2 * taken >= len(region) and start + len(region) < len(self._buffer)
        self._literals.clear()
        self._start = self._line = self._scan = start + taken
        return bool(self._ready)

    def _take_lines(self, region: bytes) -> int:
        """Cut *region* at its line ends, if none of them is odd; how much of it was taken."""
        stop = region.rfind(b"\r\n")
        if stop < 0 or region.find(b"\0", 0, stop) >= 0:
            return 0
        lines = region[:stop].split(b"\r\n")
        if region.count(b"\n", 0, stop) >= len(lines) or max(map(len, lines)) > self._limits.line:
            return 0
        if region.find(b"}\r\n", 0, stop + 2) >= 0 or b"" in lines:
            return self._take_responses(region, lines)
        self._ready.extend(lines)
        return stop + 2

    def _take_responses(self, region: bytes, lines: list[bytes]) -> int:
        """The same, of *lines* some of which announce literals."""
        begin = 0
        rest = iter(lines)
        with suppress(LimitExceeded):  # which is found again, and raised, behind what is ready
            for line in rest:
                self._literals.clear()
                end = self._plain_end(line, begin, rest) if line else 0
                if not end:
                    break
                literals = tuple(self._literals)
                self._ready.append(Frame(region[begin:end], literals) if literals else line)
                begin = end + 2
        return begin

    def _plain_end(self, line: bytes, begin: int, rest: Iterator[bytes]) -> int:
        """Where the response ends that begins with *line*, 0 where that is not plain to see.

        What it has of the lines behind is taken from *rest*, and the places of its literals are
        left in `_literals`.
        """
        end = begin + len(line)
        limits = self._limits
        while line[-1] == _CLOSING_BRACE and (found := self._announced(line)) is not None:
            size = found[0]
            start, stop = end + 2, end + 2 + size
            if size > _SHORT_LITERAL or stop - begin > limits.response:
                return 0
            if len(self._literals) >= limits.literals:
                return 0
            self._literals.append((start - begin, stop - begin))
            line = _line_behind(rest, start, stop)
            if not line:
                return 0
            end = stop + len(line)
        return end

    def _finish(self, end: int, newline: int) -> Frame:
        with memoryview(self._buffer) as view:
            data = bytes(view[self._start : end])
        self._start = self._line = self._scan = newline + 1
        return self._complete(data) if self._literals or self._head else Frame(data)

    def _complete(self, last: bytes) -> Frame:
        """The response with literals or stray line ends that ends in *last*."""
        frame = Frame(self._head + last, tuple(self._literals), self._apart or None)
        self._literals.clear()
        self._apart = {}
        self._head = b""
        self._strays = 0
        return frame

    def _look_at_odd_line(self, newline: int) -> _Odd:
        """What to do with a line that is empty or begins with NUL."""
        buffer = self._buffer
        if self._line == self._start and not self._head:
            return self._skip_padding()
        if self._kind not in _FETCHES:
            return _Odd.RESPONSE
        # An empty line behind a literal. The row of a FETCH cannot end there, since its
        # parenthesis is open still, but a broken server's next response may begin.
        if newline + 1 == len(buffer):
            return _Odd.WAIT
        if buffer[newline + 1] not in b") \r\n" or self._strays == _MOST_STRAY_LINE_ENDS:
            return _Odd.RESPONSE
        self._tolerate("quirk_stray_line_end")
        self._head += bytes(buffer[self._start : self._line])
        self._start = self._line = self._scan = newline + 1
        self._strays += 1
        return _Odd.SKIPPED

    def _skip_padding(self) -> _Odd:
        self._tolerate("quirk_empty_line" if self._buffer[self._start] else "quirk_nul_padding")
        padding = _PADDING.match(self._buffer, self._start)
        assert padding is not None
        self._start = self._line = self._scan = padding.end()
        return _Odd.SKIPPED

    def _begin_literal(self, end: int, newline: int) -> bool:
        """Whether the line up to *end* announces a literal; if so, it is awaited from now on."""
        found = self._announced(bytes(self._buffer[self._line : end]))
        if found is None:
            return False
        self._accept_literal(newline + 1, *found)
        return True

    def _announced(self, line: bytes) -> tuple[int, bool] | None:
        """The length of the literal that *line* announces at its end, and whether it is a body."""
        if not self._literals and (usual := self._usually_announced(line)) is not None:
            self._kind = b"FETCH"
            return usual
        marker = _MARKER.search(line, max(line.rfind(b"{") - 1, 0))
        if marker is None or not self._has_strings(line):
            return None
        at = marker.start()
        body = self._kind in _FETCHES and _BODY_ITEM.search(line, max(at - 32, 0), at) is not None
        # What is behind BODY[] is a literal, however odd the quotes before it.
        if not body and _ends_in_quotes(line[:at]):
            return None
        limit = self._limits.body_literal if body else self._limits.literal
        digits = marker[1].lstrip(b"0") or b"0"
        if len(digits) > _MOST_DIGITS or int(digits) > limit:
            raise LimitExceeded(f"a literal of more than {limit} octets was announced")
        return int(digits), body

    def _usually_announced(self, line: bytes) -> tuple[int, bool] | None:
        """The same of most first lines, by one expression."""
        body = line.find(b"] {", max(len(line) - _LONGEST_MARKER, 0)) >= 0
        row = (_BODY_ROW if body else _ENVELOPE_ROW).fullmatch(line)
        limit = self._limits.body_literal if body else self._limits.literal
        if row is None or int(row[1]) > limit:
            return None
        return int(row[1]), body

    def _accept_literal(self, start: int, size: int, body: bool) -> None:  # noqa: FBT001
        begin = start - self._start + len(self._head)
        if begin + size + _total(self._apart) > self._limits.response:
            raise LimitExceeded(f"a response of more than {self._limits.response} octets")
        if len(self._literals) >= self._limits.literals:
            raise LimitExceeded(f"a response of more than {self._limits.literals} literals")
        if body and size > _SHORT_LITERAL:
            self._begin_body(start, begin, size)
            return
        self._literals.append((begin, begin + size))
        self._literal_end = start + size

    def _begin_body(self, start: int, begin: int, size: int) -> None:
        """Keep what came of a body apart, and await the rest."""
        self._literals.append((begin, begin))
        end = min(start + size, len(self._buffer))
        with memoryview(self._buffer) as view:
            self._head += bytes(view[self._start : start])
            if end - start == size:
                self._apart[begin] = bytes(view[start:end])
            else:
                self._body = _room_for(size)
                self._body.write(view[start:end])
        self._missing = size - (end - start)
        self._start = self._line = self._scan = end

    def _has_strings(self, line: bytes) -> bool:
        """Whether strings may stand in the current response, whose first line is *line*."""
        if not self._literals:
            first = _FIRST_WORD.match(line)
            self._kind = first[1].upper() if first else b""
        return bool(self._kind) and self._kind not in _WITHOUT_STRINGS

    def _check_line(self, end: int) -> None:
        if end - self._line > self._limits.line:
            raise LimitExceeded(f"a line of more than {self._limits.line} octets")

    def _tolerate(self, quirk: str) -> None:
        if not self._quirks.tolerate(quirk):
            raise RemoteProtocolError(f"{quirk} was met and is switched off")


def _size(response: Frame | bytes) -> int:
    """The octets of a whole response, with its line end."""
    if isinstance(response, bytes):
        return len(response) + 2
    return len(response.data) + 2 + _total(response.apart or {})


def _total(apart: dict[int, bytes]) -> int:
    return sum(map(len, apart.values()))


def _line_behind(lines: Iterator[bytes], start: int, stop: int) -> bytes:
    """What is left behind *stop* of its line, *lines* beginning at *start*; empty if nothing is."""
    for line in lines:
        if start + len(line) >= stop:
            return line[stop - start :] if start <= stop else b""  # else between a CR and its LF
        start += len(line) + 2
    return b""


def _room_for(size: int) -> BytesIO:
    """Where a body of *size* octets is gathered; for a large one the memory is taken at once.

    A buffer that grows step by step leaves holes of all sizes behind, which together may be several
    times as large as the body.
    """
    room = BytesIO()
    if size > _LARGE_BODY:
        room.seek(size - 1)
        room.write(b"\0")
        room.seek(0)
    return room


def _ends_in_quotes(text: bytes) -> bool:
    """Whether *text* ends within a quoted string."""
    unescaped = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return unescaped.count(b'"') % 2 == 1
