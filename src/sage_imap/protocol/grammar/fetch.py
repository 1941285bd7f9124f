"""Rows of FETCH and UIDFETCH (RFC 9051 section 7.5.2, RFC 9586 section 3.3).

Most rows, or their beginnings, are read by `common_row`. Behind that the usual items are one
expression each, and what fits none of them is read value by value. A row is given whole or
not at all, and one that names two UIDs, or zero, names no message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sage_imap.protocol.events import Event, FetchReceived, ParseFailure
from sage_imap.protocol.framing import Frame
from sage_imap.protocol.grammar.common_row import Items, decode_common_row, plain_flags
from sage_imap.protocol.grammar.dates import decode_internal_date
from sage_imap.protocol.grammar.envelope import PLAIN_ENVELOPE, plain_envelope
from sage_imap.protocol.grammar.inlining import inlined
from sage_imap.protocol.grammar.items import read_item, read_section, section_name
from sage_imap.protocol.grammar.plain_structure import plain_structure
from sage_imap.protocol.grammar.tokens import Scanner, Unreadable, as_number

if TYPE_CHECKING:
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = ["decode_row", "decode_usual_line", "decode_usual_row"]

_FLAGS: Final = rb"FLAGS \(([^()\"{\x00-\x1f\x7f-\xff]*+)\)"
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
_THEN_STRUCTURE: Final = b"BODYSTRUCTURE ("
_THEN_BODY: Final = re.compile(rb"(BODY\[[A-Z0-9.]*+\]) \{[0-9]{1,18}\}\r\n")
# The beginning of a row of a UID and one body, with the flags or without.
_BODY_ROW: Final = re.compile(
    rb"\* ([1-9][0-9]{0,19}) FETCH \(UID ([1-9][0-9]{0,19}) "
    rb"(?:" + _FLAGS + rb" )?(BODY\[[A-Z0-9.]*+\]) \{[0-9]{1,18}\}\r\n"
)
_ENVELOPE_FIELDS: Final = re.compile(PLAIN_ENVELOPE)
_SPACE: Final = 0x20
_CLOSE: Final = 0x29
_SPACE_OR_CLOSE: Final = b" )"


def decode_usual_row(frame: Frame, context: DecodeContext) -> list[Event] | None:
    """The event of the response in *frame*, or None where it does not begin as most rows do."""
    if len(frame.literals) == 1 and (row := _body_row(frame)) is not None:
        return [row]
    if frame.literals and (flat := inlined(frame)) is not None:
        found = _common(*flat)
        if found is not None:
            events = _completed(found, flat[0], context)
            if not isinstance(events[0], ParseFailure):
                return events
    found = _common(frame)
    return None if found is None else _completed(found, frame, context)


def decode_usual_line(line: bytes, context: DecodeContext) -> list[Event] | None:
    """As `decode_usual_row`, of a response that is one line."""
    found = decode_common_row(line)
    if found is None:
        return None
    seq, items, end = found
    if end == len(line) - 1 and line[end] == _CLOSE:
        return [FetchReceived(seq, items)]
    return _completed(found, Frame(line), context)


def _common(frame: Frame, inlined: int = 0) -> tuple[int, Items, int] | None:
    """The usual items before the first body."""
    if not frame.literals:
        return decode_common_row(frame.data, inlined=inlined)
    return decode_common_row(frame.data[: frame.literals[0][0]], inlined=inlined, cut=True)


def _body_row(frame: Frame) -> FetchReceived | None:
    """The row of a UID and a body, which is what most fetches of bodies bring, or None."""
    data = frame.data
    start, end = frame.literals[0]
    row = _BODY_ROW.match(data)
    if row is None or row.end() != start or end != len(data) - 1 or data[end] != _CLOSE:
        return None
    seq, uid, flags, name = row.groups()
    items: Items = {"UID": int(uid)}
    if flags is not None:
        items["FLAGS"] = listed = plain_flags(flags.decode("ascii"))
        if listed is None:
            return None
    items[name.decode()] = frame.literal(start, end)
    return FetchReceived(int(seq), items)


def _completed(found: tuple[int, Items, int], frame: Frame, context: DecodeContext) -> list[Event]:
    """The event of a row that was read up to where its usual items end."""
    seq, items, end = found
    data = frame.data
    last = len(data) - 1
    if end < last:
        end = _then(items, frame, end, context)
    if end == last and data[end] == _CLOSE:
        return [FetchReceived(seq, items)]
    return _finish_row(_Row(frame, context, items), end, seq, opened=True)


def _then(items: Items, frame: Frame, position: int, context: DecodeContext) -> int:
    """Where the structure or the body ends that was asked for last, else *position*."""
    data = frame.data
    if data.startswith(_THEN_STRUCTURE, position):
        return _then_structure(items, data, position, context)
    if frame.literals and (body := _THEN_BODY.match(data, position)) is not None:
        return _then_body(items, frame, body)
    return position


def _then_structure(items: Items, data: bytes, position: int, context: DecodeContext) -> int:
    """Where the structure ends that was asked for last, or *position* where it is not plain."""
    found = plain_structure(data, position + len(_THEN_STRUCTURE) - 1, context.limits.nesting)
    if found is None or found[1] != len(data) - 1:
        return position
    items["BODYSTRUCTURE"], end = found
    return end


def _then_body(items: Items, frame: Frame, body: re.Match[bytes]) -> int:
    """Where the body ends that was asked for last, or where it begins if something follows it."""
    start, end = frame.literals[0]
    if start != body.end() or end != len(frame.data) - 1:
        return body.start()
    items[body[1].decode()] = frame.literal(start, end)
    return end


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
            items["FLAGS"] = listed = plain_flags(match[_FLAG_LIST].decode("ascii"))
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
        date = decode_internal_date(raw.decode("latin-1"))
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
        self.items[name.decode()] = self._frame.literal(start, end)
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
