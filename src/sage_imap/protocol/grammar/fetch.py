"""Rows of FETCH and UIDFETCH (RFC 9051 section 7.5.2, RFC 9586 section 3.3).

The hot path. A row of UID, FLAGS and MODSEQ is one expression; the usual items of any other row
are one expression each; what fits none of them is read value by value. A row is given whole or
not at all, and one that names two UIDs, or zero, names no message.

``quirk_no_date``
    an INTERNALDATE or SAVEDATE that is no date, such as one of zeros: None.
``quirk_bare_modseq``
    a MODSEQ without its parentheses.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sage_imap.protocol.events import Event, FetchReceived, ParseFailure
from sage_imap.protocol.grammar.bodystructure import structure_of
from sage_imap.protocol.grammar.dates import decode_internal_date
from sage_imap.protocol.grammar.envelope import PLAIN_ENVELOPE, envelope_of, plain_envelope
from sage_imap.protocol.grammar.plain_structure import plain_structure
from sage_imap.protocol.grammar.tokens import (
    Scanner,
    Unreadable,
    Value,
    as_list,
    as_number,
    as_text,
    atom_text,
    string,
)

if TYPE_CHECKING:
    from sage_imap.protocol.framing import Frame
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = ["decode_flags", "decode_flags_row", "decode_row"]

_FLAGS: Final = rb"FLAGS \(((?:[^()\"{\x00-\x20\x7f-\xff]++(?: (?![ )]))?)*+)\)"
_FLAGS_ROW: Final = re.compile(
    rb"\* ([1-9][0-9]{0,19}) FETCH \((?:UID ([1-9][0-9]{0,19}) )?"
    + _FLAGS
    + rb"(?: UID ([1-9][0-9]{0,19}))?(?: MODSEQ \(([0-9]{1,20})\))?\)"
)
_ITEM: Final = re.compile(
    rb"UID ([1-9][0-9]{0,19})"
    rb"|" + _FLAGS + rb'|INTERNALDATE "([^"\\\x00-\x1f]*+)"'
    rb"|RFC822\.SIZE ([0-9]{1,20})"
    rb"|MODSEQ \(([0-9]{1,20})\)"
    rb"|(ENVELOPE) (?=\()"
    rb"|(BODY(?:STRUCTURE)?) (?=\()"
    rb"|((?:BODY|BINARY)\[[A-Z0-9.]*+(?: \([A-Z0-9\-]++(?: [A-Z0-9\-]++)*+\))?\]"
    rb"(?:<[0-9]{1,20}>)?|RFC822(?:\.HEADER|\.TEXT)?) (~?\{[0-9]{1,18}\}\r\n)"
)
_UID, _FLAG_LIST, _DATE, _OCTETS, _MODSEQ, _ENVELOPE, _STRUCTURE, _, _SECTION = range(1, 10)
_ENVELOPE_FIELDS: Final = re.compile(PLAIN_ENVELOPE)
_SPACE: Final = 0x20
_CLOSE: Final = 0x29
_LONGEST_CACHED: Final = 256  # octets

Items = dict[str, object]


def decode_flags_row(data: bytes) -> FetchReceived | None:
    """The row in *data* if it is a plain one of UID, FLAGS and MODSEQ."""
    match = _FLAGS_ROW.fullmatch(data)
    if match is None:
        return None
    seq, uid, flags, late_uid, modseq = match.groups()
    items: Items = {}
    if late_uid is not None:
        if uid is not None:
            return None
        uid = late_uid
    if uid is not None:
        items["UID"] = int(uid)
    items["FLAGS"] = _cached_flags(flags) if len(flags) <= _LONGEST_CACHED else _split(flags)
    if modseq is not None:
        items["MODSEQ"] = int(modseq)
    return FetchReceived(int(seq), items)


def decode_row(
    frame: Frame, position: int, context: DecodeContext, *, seq: int | None, uid: int | None
) -> list[Event]:
    """The event of the row whose opening parenthesis is at *position* or behind spaces there.

    *uid* is given where the response itself names it (UIDFETCH).
    """
    items: Items = {} if uid is None else {"UID": uid}
    row = _Row(frame, context, position, items)
    try:
        row.read()
    except (Unreadable, ValueError) as error:
        reason = str(error) if isinstance(error, Unreadable) else "a value is out of range"
        known = items.get("UID")
        return [
            ParseFailure(
                reason,
                frame.data[: context.limits.parse_failure_raw],
                seq,
                known if isinstance(known, int) and not row.contradicted else None,
                response="FETCH",
            )
        ]
    return [FetchReceived(seq, items)]


class _Row:
    """Reads the items of one row into a dictionary."""

    __slots__ = (
        "_context",
        "_frame",
        "_items",
        "_literals",
        "_position",
        "_scanner",
        "contradicted",
    )

    def __init__(self, frame: Frame, context: DecodeContext, position: int, items: Items) -> None:
        self._frame = frame
        self._context = context
        self._position = position
        self._items = items
        self._literals = dict(frame.literals)
        self._scanner: Scanner | None = None
        self.contradicted = False

    def read(self) -> None:
        data = self._frame.data
        position = self._position
        if data[position : position + 2] != b" (":
            position = self._open_oddly()
        else:
            position += 2
        if data[position : position + 1] == b")":
            self._finish(position + 1)
            return
        last = len(data) - 1
        while True:
            end = self._plain_item(position)
            if end < 0:
                end = self._any_item(position)
            if (
                end < last
                and data[end] == _SPACE
                and data[end + 1] != _SPACE
                and data[end + 1] != _CLOSE
            ):
                position = end + 1
                continue
            if end == last and data[end] == _CLOSE:
                return
            position = self._between_items(end)
            if position < 0:
                return

    def _plain_item(self, position: int) -> int:
        """Read the item at *position* if it is a plain one; where it ends, or -1."""
        data, items = self._frame.data, self._items
        match = _ITEM.match(data, position)
        if match is None:
            return -1
        kind = match.lastindex
        end = match.end()
        if kind == _UID:
            self._set_uid(int(match[_UID]))
        elif kind == _FLAG_LIST:
            raw = match[_FLAG_LIST]
            items["FLAGS"] = _cached_flags(raw) if len(raw) <= _LONGEST_CACHED else _split(raw)
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
        self._items["INTERNALDATE"] = date
        return end

    def _plain_envelope(self, position: int) -> int:
        match = _ENVELOPE_FIELDS.match(self._frame.data, position)
        if match is None:
            return -1
        self._items["ENVELOPE"] = plain_envelope(match.groups())
        return match.end()

    def _plain_structure(self, name: bytes, position: int) -> int:
        found = plain_structure(self._frame.data, position, self._context.limits.nesting)
        if found is None:
            return -1
        self._items[name.decode()], end = found
        return end

    def _plain_section(self, name: bytes, start: int) -> int:
        end = self._literals.get(start)
        if end is None:
            return -1
        self._items[name.decode()] = self._frame.data[start:end]
        return end

    def _open_oddly(self) -> int:
        scanner = self._scan(self._position)
        scanner.skip_spaces(1)
        if self._frame.data[scanner.position : scanner.position + 1] != b"(":
            raise Unreadable("the items of a row were expected")
        scanner.position += 1
        if self._frame.data[scanner.position : scanner.position + 1] == b" ":
            scanner.skip_spaces(0)
        return scanner.position

    def _between_items(self, position: int) -> int:
        """Where the next item begins, or -1 where the row and the response end."""
        scanner = self._scan(position)
        if scanner.closes():
            scanner.expect_end()
            return -1
        scanner.skip_spaces(1)
        return scanner.position

    def _finish(self, position: int) -> None:
        self._scan(position).expect_end()

    def _any_item(self, position: int) -> int:
        scanner = self._scan(position)
        name, section, origin = scanner.item_name()
        scanner.skip_spaces(1)
        if section is not None:
            full = f"{name}[{section_name(section)}]{origin}"
            self._items[full] = _section_value(name, scanner.value())
        elif name == "UID":
            self._set_uid(as_number(scanner.value()))
        else:
            self._items[name] = _item_value(name, scanner)
        return scanner.position

    def _set_uid(self, uid: int) -> None:
        if not uid:
            raise Unreadable("a UID of zero names no message")
        if self._items.setdefault("UID", uid) != uid:
            self.contradicted = True
            raise Unreadable("a row names two UIDs")

    def _scan(self, position: int) -> Scanner:
        if self._scanner is None:
            self._scanner = Scanner(self._frame, self._context, position)
        self._scanner.position = position
        return self._scanner


def section_name(section: str) -> str:
    """The section between the brackets in upper case and with bare header names."""
    text = section.upper().replace('"', "")
    return " ".join(text.split()).replace("( ", "(").replace(" )", ")")


def _section_value(name: str, value: Value) -> object:
    if name == "BINARY.SIZE":
        return as_number(value)
    return None if value is None else string(value)


def _item_value(name: str, scanner: Scanner) -> object:
    read = _READERS.get(name)
    value = scanner.value()
    return _unknown(value) if read is None else read(value, scanner)


def _number(value: Value, scanner: Scanner) -> int:
    return as_number(value)


def _octets(value: Value, scanner: Scanner) -> bytes | None:
    return None if value is None else string(value)


def _flags(value: Value, scanner: Scanner) -> tuple[str, ...]:
    return decode_flags(value)


def _date(value: Value, scanner: Scanner) -> object:
    if value is None:
        return None
    date = decode_internal_date(string(value))
    if date is None:
        scanner.tolerate("quirk_no_date")
    return date


def _bracketed(value: Value, scanner: Scanner) -> object:
    """EMAILID and THREADID stand alone in parentheses (RFC 8474 section 7)."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 1:
        raise Unreadable("one value in parentheses was expected")
    return as_text(value[0])


def _modseq(value: Value, scanner: Scanner) -> int:
    if isinstance(value, list) and len(value) == 1:
        return as_number(value[0])
    scanner.tolerate("quirk_bare_modseq")
    return as_number(value)


def _preview(value: Value, scanner: Scanner) -> str | None:
    return as_text(value)


def _envelope(value: Value, scanner: Scanner) -> object:
    return None if value is None else envelope_of(value, scanner)


def _structure(value: Value, scanner: Scanner) -> object:
    return None if value is None else structure_of(value, scanner)


def _unknown(value: Value) -> object:
    """The value of an item that nobody knows, in plain Python."""
    if isinstance(value, list):
        return tuple(_unknown(item) for item in value)
    return as_text(value)


_READERS: Final = {
    "BODY": _structure,
    "BODYSTRUCTURE": _structure,
    "EMAILID": _bracketed,
    "ENVELOPE": _envelope,
    "FLAGS": _flags,
    "INTERNALDATE": _date,
    "MODSEQ": _modseq,
    "PREVIEW": _preview,
    "RFC822": _octets,
    "RFC822.HEADER": _octets,
    "RFC822.SIZE": _number,
    "RFC822.TEXT": _octets,
    "SAVEDATE": _date,
    "THREADID": _bracketed,
    "X-GM-LABELS": _flags,
    "X-GM-MSGID": _number,
    "X-GM-THRID": _number,
}


def decode_flags(value: Value) -> tuple[str, ...]:
    """The flags or labels of a list; NIL is none."""
    return tuple(atom_text(flag) for flag in as_list(value))


def _split(raw: bytes) -> tuple[str, ...]:
    return tuple(raw.decode("ascii").split())


# A mailbox has few combinations of flags; an entry holds less than 2 KiB.
_cached_flags = lru_cache(maxsize=2048)(_split)
