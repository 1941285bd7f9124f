"""Rows of FETCH and UIDFETCH (RFC 9051 section 7.5.2, RFC 9586 section 3.3).

The hot path. A row of UID, FLAGS and MODSEQ is one expression; the usual items of any other row
are one expression each; what fits none of them is read value by value. A row is given whole or
not at all, and one that names two UIDs, or zero, names no message.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sage_imap.protocol.events import Event, FetchReceived, ParseFailure
from sage_imap.protocol.grammar.dates import decode_internal_date
from sage_imap.protocol.grammar.envelope import PLAIN_ENVELOPE, plain_envelope
from sage_imap.protocol.grammar.items import read_item, read_section, section_name
from sage_imap.protocol.grammar.plain_structure import plain_structure
from sage_imap.protocol.grammar.tokens import Scanner, Unreadable, as_number

if TYPE_CHECKING:
    from sage_imap.protocol.framing import Frame
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = ["decode_common_row", "decode_flags_row", "decode_row"]

_NUMBER: Final = rb"([1-9][0-9]{0,19})"
_FLAGS: Final = rb"FLAGS \(([^()\"{\x00-\x1f\x7f-\xff]*+)\)"
_FLAGS_ROW: Final = re.compile(
    rb"\* " + _NUMBER + rb" FETCH \(UID " + _NUMBER + rb" " + _FLAGS + rb"\)"
)
_END: Final = rb"(?: (?![ )])|(?=\)))"
# The order of most servers, and of most that ask.
_COMMON_ROW: Final = re.compile(
    rb"\* " + _NUMBER + rb" FETCH (?=\()(?>(?:\("
    rb"(?>(?:UID " + _NUMBER + _END + rb")?)"
    rb"(?>(?:" + _FLAGS + _END + rb")?)"
    rb'(?>(?:INTERNALDATE "([^"\\\x00-\x1f]*+)"' + _END + rb")?)"
    rb"(?>(?:RFC822\.SIZE ([0-9]{1,20})" + _END + rb")?)"
    rb"(?>(?:MODSEQ \(([0-9]{1,20})\)" + _END + rb")?)"
    rb"(?>(?:ENVELOPE " + PLAIN_ENVELOPE + _END + rb")?)(?![ ]))?)"
)
_ITEM: Final = re.compile(
    rb"UID ([1-9][0-9]{0,19})"
    rb"|" + _FLAGS + rb'|INTERNALDATE "([^"\\\x00-\x1f]*+)"'
    rb"|RFC822\.SIZE ([0-9]{1,20})"
    rb"|MODSEQ \(([0-9]{1,20})\)"
    rb"|(ENVELOPE) (?=\()"
    rb"|(BODY(?:STRUCTURE)?) (?=\()"
    rb"|((?:BODY|BINARY)\[[A-Z0-9.]*+(?: \([A-Z0-9\-]++(?>(?: [A-Z0-9\-]++)*)\))?\]"
    rb"(?:<[0-9]{1,20}>)?|RFC822(?:\.HEADER|\.TEXT)?) (~?\{[0-9]{1,18}\}\r\n)"
)
_UID, _FLAG_LIST, _DATE, _OCTETS, _MODSEQ, _ENVELOPE, _STRUCTURE, _, _SECTION = range(1, 10)
_ENVELOPE_FIELDS: Final = re.compile(PLAIN_ENVELOPE)
_SPACE: Final = 0x20
_CLOSE: Final = 0x29
_SPACE_OR_CLOSE: Final = b" )"
_LONGEST_CACHED: Final = 256  # octets

Items = dict[str, object]


def decode_flags_row(data: bytes) -> FetchReceived | None:
    """The row in *data* if it is a plain one of UID and FLAGS."""
    match = _FLAGS_ROW.fullmatch(data)
    if match is None:
        return None
    seq, uid, raw = match.groups()
    flags = _plain_flags(raw)
    return None if flags is None else FetchReceived(int(seq), {"UID": int(uid), "FLAGS": flags})


def decode_common_row(frame: Frame, context: DecodeContext) -> list[Event] | None:
    """The event of the response in *frame*, or None where it is no row of FETCH as most are."""
    data = frame.data
    match = _COMMON_ROW.match(data)
    if match is None:
        return None
    seq, uid, flags, date, size, modseq, *fields = match.groups()
    begin = match.end(1) + len(" FETCH")
    listed = () if flags is None else _plain_flags(flags)
    moment = None if date is None else decode_internal_date(date)
    if listed is None or (moment is None and date is not None):
        return decode_row(frame, begin, context, seq=int(seq), uid=None)
    items: Items = {}
    if uid is not None:
        items["UID"] = int(uid)
    if flags is not None:
        items["FLAGS"] = listed
    if date is not None:
        items["INTERNALDATE"] = moment
    if size is not None:
        items["RFC822.SIZE"] = int(size)
    if modseq is not None:
        items["MODSEQ"] = int(modseq)
    if fields[0] is not None:
        items["ENVELOPE"] = plain_envelope(tuple(fields))
    end = match.end()
    if end == len(data) - 1 and data[end] == _CLOSE and items:
        return [FetchReceived(int(seq), items)]
    opened = end > begin + 1
    return _finish_row(
        _Row(frame, context, items), end if opened else begin, int(seq), opened=opened
    )


def decode_row(
    frame: Frame, position: int, context: DecodeContext, *, seq: int | None, uid: int | None
) -> list[Event]:
    """The event of the row whose opening parenthesis is at *position* or behind spaces there.

    *uid* is given where the response itself names it (UIDFETCH).
    """
    items: Items = {} if uid is None else {"UID": uid}
    return _finish_row(_Row(frame, context, items), position, seq, opened=False)


def _finish_row(row: _Row, position: int, seq: int | None, *, opened: bool) -> list[Event]:
    try:
        row.read(position if opened else row.open(position))
    except (Unreadable, ValueError) as error:
        reason = str(error) if isinstance(error, Unreadable) else "a value is out of range"
        return [row.failure(reason, seq)]
    return [FetchReceived(seq, row.items)]


class _Row:
    """Reads the items of one row into a dictionary, those that are there already included."""

    __slots__ = ("_context", "_contradicted", "_frame", "_literals", "_scanner", "items")

    def __init__(self, frame: Frame, context: DecodeContext, items: Items) -> None:
        self.items = items
        self._frame = frame
        self._context = context
        self._literals = dict(frame.literals)
        self._scanner: Scanner | None = None
        self._contradicted = False

    def failure(self, reason: str, seq: int | None) -> ParseFailure:
        """What is reported in place of the row."""
        raw = self._frame.data[: self._context.limits.parse_failure_raw]
        uid = None if self._contradicted else self.items.get("UID")
        known = uid if isinstance(uid, int) else None
        return ParseFailure(reason, raw, seq, known, response="FETCH")

    def read(self, position: int) -> None:
        """Read from *position* on, where an item or the closing parenthesis is."""
        data = self._frame.data
        last = len(data) - 1
        if data[position : position + 1] == b")":
            position = self._between_items(position)
        while position >= 0:
            end = self._plain_item(position)
            if end < 0:
                end = self._any_item(position)
            if end == last and data[end] == _CLOSE:
                return
            if end < last and data[end] == _SPACE and data[end + 1] not in _SPACE_OR_CLOSE:
                position = end + 1
            else:
                position = self._between_items(end)

    def open(self, position: int) -> int:
        """Where the first item is, behind the parenthesis at *position* or behind spaces there."""
        data = self._frame.data
        scanner = self._scan(position)
        scanner.skip_spaces(1)
        if data[scanner.position : scanner.position + 1] != b"(":
            raise Unreadable("the items of a row were expected")
        scanner.position += 1
        scanner.skip_spaces(0)
        return scanner.position

    def _plain_item(self, position: int) -> int:
        """Read the item at *position* if it is a plain one; where it ends, or -1."""
        data, items = self._frame.data, self.items
        match = _ITEM.match(data, position)
        if match is None:
            return -1
        kind = match.lastindex
        end = match.end()
        if kind == _UID:
            self._set_uid(int(match[_UID]))
        elif kind == _FLAG_LIST:
            items["FLAGS"] = listed = _plain_flags(match[_FLAG_LIST])
            return -1 if listed is None else end
        elif kind == _OCTETS:
            items["RFC822.SIZE"] = int(match[_OCTETS])
        elif kind == _ENVELOPE:
            return self._plain_envelope(end)
        elif kind == _STRUCTURE:
            return self._plain_structure(match[_STRUCTURE], end)
        elif kind == _SECTION:
            return self._plain_section(match[_SECTION - 1], end)
        elif kind == _MODSEQ:
            items["MODSEQ"] = int(match[_MODSEQ])
        else:
            return self._plain_date(match[_DATE], end)
        return end

    def _plain_date(self, raw: bytes, end: int) -> int:
        date = decode_internal_date(raw)
        if date is None:
            return -1
        self.items["INTERNALDATE"] = date
        return end

    def _plain_envelope(self, position: int) -> int:
        match = _ENVELOPE_FIELDS.match(self._frame.data, position)
        if match is None:
            return -1
        self.items["ENVELOPE"] = plain_envelope(match.groups())
        return match.end()

    def _plain_structure(self, name: bytes, position: int) -> int:
        found = plain_structure(self._frame.data, position, self._context.limits.nesting)
        if found is None:
            return -1
        self.items[name.decode()], end = found
        return end

    def _plain_section(self, name: bytes, start: int) -> int:
        end = self._literals.get(start)
        if end is None:
            return -1
        self.items[name.decode()] = self._frame.data[start:end]
        return end

    def _between_items(self, position: int) -> int:
        """Where the next item begins, or -1 where the row and the response end."""
        scanner = self._scan(position)
        if scanner.closes():
            scanner.expect_end()
            return -1
        scanner.skip_spaces(1)
        return scanner.position

    def _any_item(self, position: int) -> int:
        scanner = self._scan(position)
        name, section, origin = scanner.item_name()
        scanner.skip_spaces(1)
        if section is not None:
            full = f"{name}[{section_name(section)}]{origin}"
            self.items[full] = read_section(name, scanner.value())
        elif name == "UID":
            self._set_uid(as_number(scanner.value()))
        else:
            self.items[name] = read_item(name, scanner)
        return scanner.position

    def _set_uid(self, uid: int) -> None:
        if not uid:
            raise Unreadable("a UID of zero names no message")
        if self.items.setdefault("UID", uid) != uid:
            self._contradicted = True
            raise Unreadable("a row names two UIDs")

    def _scan(self, position: int) -> Scanner:
        if self._scanner is None:
            self._scanner = Scanner(self._frame, self._context, position)
        self._scanner.position = position
        return self._scanner


def _split(raw: bytes) -> tuple[str, ...] | None:
    flags = raw.decode("ascii").split(" ")
    return (() if not raw else None) if "" in flags else tuple(flags)


# A mailbox has few combinations of flags; an entry holds less than 2 KiB.
_cached_flags = lru_cache(maxsize=2048)(_split)


def _plain_flags(raw: bytes) -> tuple[str, ...] | None:
    """The flags in *raw*, or None where there are spaces too many between them."""
    return _cached_flags(raw) if len(raw) <= _LONGEST_CACHED else _split(raw)
