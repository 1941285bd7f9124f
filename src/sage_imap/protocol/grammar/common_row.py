"""The row of FETCH that most servers send, by one expression.

The hot path: UID, FLAGS, INTERNALDATE, RFC822.SIZE, MODSEQ and ENVELOPE, each optional, in this
order, with strings that hold no backslash. The row is text already, so that nothing in it has to be
decoded again. What the expression does not fit, in whole or in its rest, is read by `fetch`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sage_imap.protocol.events import FetchReceived
from sage_imap.protocol.grammar.dates import decode_internal_date
from sage_imap.protocol.grammar.envelope import simple_envelope

if TYPE_CHECKING:
    from sage_imap.protocol.framing import Frame

__all__ = ["Items", "decode_common_row", "decode_short_rows", "plain_flags"]

Items = dict[str, object]

_NUMBER: Final = r"([1-9][0-9]{0,19})"
_FLAGS: Final = r"FLAGS \(([ !#-'*-z|}~]*+)\)"
_FLAGS_ROW: Final = re.compile(
    rf"\* {_NUMBER} FETCH \(UID {_NUMBER} FLAGS \(([ !#-'*-z|}}~]{{0,256}}+)\)\)".encode()
)
_SIZE_ROW: Final = re.compile(
    rf"\* {_NUMBER} FETCH \(UID {_NUMBER} RFC822\.SIZE ([0-9]{{1,20}})\)".encode()
)
_END: Final = r"(?: (?![ )])|(?=\)))"
_LONGEST_CACHED: Final = 256  # octets


def _row(unprintable: str) -> re.Pattern[str]:
    """The expression, its strings without *unprintable*."""
    some = rf'"[^"\\{unprintable}]*+"'
    string = rf'(?:"([^"\\{unprintable}]*+)"|NIL)'
    people = rf"(NIL|\((?>(?:\((?:{some}|NIL) (?:NIL|{some}) {some} {some}\))+)\))"
    envelope = " ".join([string] * 2 + [people] * 6 + [string] * 2)
    return re.compile(
        rf"\* {_NUMBER} FETCH \((?! )"
        rf"(?>(?:UID {_NUMBER}{_END})?)"
        rf"(?>(?:{_FLAGS}{_END})?)"
        rf'(?>(?:INTERNALDATE "([^"\\\x00-\x1f]*+)"{_END})?)'
        rf"(?>(?:RFC822\.SIZE ([0-9]{{1,20}}){_END})?)"
        rf"(?>(?:MODSEQ \(([0-9]{{1,20}})\){_END})?)"
        rf"(?>(?:(ENVELOPE) \({envelope}\){_END})?)"
    )


_ROW: Final = _row(r"\0\r\n")
# What came as a literal may hold line ends.
_INLINED_ROW: Final = _row("")


def decode_short_rows(responses: Iterable[Frame | bytes]) -> list[FetchReceived]:
    """The rows of UID with FLAGS or RFC822.SIZE at the head of *responses*, up to another one."""
    rows: list[FetchReceived] = []
    match_flags, match_size = _FLAGS_ROW.fullmatch, _SIZE_ROW.fullmatch
    for response in responses:
        if not isinstance(response, bytes):
            break
        if (match := match_flags(response)) is not None:
            seq, uid, raw = match.groups()
            flags = _cached_octets(raw)
            if flags is None:
                break
            rows.append(FetchReceived(int(seq), {"UID": int(uid), "FLAGS": flags}))
        elif (match := match_size(response)) is not None:
            seq, uid, size = match.groups()
            rows.append(FetchReceived(int(seq), {"UID": int(uid), "RFC822.SIZE": int(size)}))
        else:
            break
    return rows


def decode_common_row(frame: Frame, inlined: int = 0) -> tuple[int, Items, int] | None:
    """Number, items and end of the row in *frame*, as far as they are the usual ones.

    *inlined* is where the last of the literals ends that were written as quoted strings. None
    where the response is no row, and where none of its items can be read here.
    """
    # A literal that was not inlined is a body, and behind it nothing is read here.
    data = frame.data[: frame.literals[0][0]] if frame.literals else frame.data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    match = (_INLINED_ROW if inlined else _ROW).match(text)
    if match is None:
        return None
    end = match.end()
    if len(text) != len(data):  # a place in the text is none in the octets, but for the end
        end = len(data) - 1 if end == len(text) - 1 else -1
    if end < inlined:
        return None
    items = _items(match.groups())
    return (int(match[1]), items, end) if items else None


def _items(groups: tuple[str | None, ...]) -> Items | None:
    _, uid, flags, date, size, modseq, envelope = groups[:7]
    items: Items = {}
    if uid is not None:
        items["UID"] = int(uid)
    if flags is not None:
        items["FLAGS"] = found = plain_flags(flags)
        if found is None:
            return None
    if date is not None:
        items["INTERNALDATE"] = moment = decode_internal_date(date)
        if moment is None:
            return None
    if size is not None:
        items["RFC822.SIZE"] = int(size)
    if modseq is not None:
        items["MODSEQ"] = int(modseq)
    if envelope is not None:
        items["ENVELOPE"] = simple_envelope(groups[7:])
    return items


def _split(text: str) -> tuple[str, ...] | None:
    flags = text.split(" ")
    return (() if not text else None) if "" in flags else tuple(flags)


# A mailbox has few combinations of flags; an entry holds less than 2 KiB.
_cached_flags = lru_cache(maxsize=2048)(_split)


@lru_cache(maxsize=2048)
def _cached_octets(raw: bytes) -> tuple[str, ...] | None:
    return _split(raw.decode("ascii"))


def plain_flags(text: str) -> tuple[str, ...] | None:
    """The flags in *text*, or None where there are spaces too many between them."""
    return _cached_flags(text) if len(text) <= _LONGEST_CACHED else _split(text)
