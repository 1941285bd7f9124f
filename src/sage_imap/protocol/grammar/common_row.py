"""The row of FETCH that most servers send, by one expression.

The hot path: UID, FLAGS, INTERNALDATE, RFC822.SIZE, MODSEQ and ENVELOPE, each optional, in this
order, with strings that hold no backslash. The row is text already, so that nothing in it has to be
decoded again. What the expression does not fit, in whole or in its rest, is read by `fetch`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Final, cast

from sage_imap.protocol.events import FetchReceived
from sage_imap.protocol.grammar.dates import decode_internal_date
from sage_imap.protocol.grammar.envelope import simple_envelope

if TYPE_CHECKING:
    from sage_imap.protocol.framing import Frame

__all__ = ["Items", "decode_common_row", "decode_short_rows", "plain_flags"]

Items = dict[str, object]

_NUMBER: Final = r"([1-9][0-9]{0,19})"
_FLAGS: Final = r"FLAGS \(([ !#-'*-z|}~]*+)\)"
# Rows of UID with FLAGS, and of UID with RFC822.SIZE. They are taken apart by what stands between
# their fields, which is faster; what the fields hold is checked when it is read.
_FLAGS_ROW: Final = re.compile(
    rb"\* ([^ ]{1,20}) FETCH \(UID ([^ ]{1,20}) FLAGS \(([^)]{0,256})\)\)\r\n"
)
_SIZE_ROW: Final = re.compile(
    rb"\* ([^ ]{1,20}) FETCH \(UID ([^ ]{1,20}) RFC822\.SIZE ([^)]{1,20})\)\r\n"
)
# The same alone, as they come between bodies: taken apart like many it costs three times as much.
_ONE_ROW: Final = re.compile(
    rb"\* ([1-9][0-9]{0,19}) FETCH \(UID ([1-9][0-9]{0,19}) "
    rb"(?:FLAGS \(([^)]{0,256})\)|RFC822\.SIZE ([0-9]{1,20}))\)"
)
_FLAG_LIST: Final = re.compile(rb"[ !#-'*-z|}~]*+")
# Runs of rows, read at one go: how much longer each is than the one before, and the longest.
# With more rows waiting, the garbage collector, which 700 new containers wake, takes what is won.
_GROWTH: Final = 4
_LONGEST_RUN: Final = 256
_END: Final = r"(?: (?![ )])|(?=\)))"
_LONGEST_CACHED: Final = 256  # octets
# An event of a pair of number and items, made without a Python frame: a quarter of the time.
_event: Final = partial(tuple.__new__, FetchReceived)


def _row() -> re.Pattern[str]:
    """The expression. What its strings may not hold is looked for before, which is faster."""
    some = '"[^"]*+"'
    string = '(?:"([^"]*+)"|NIL)'
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


_ROW: Final = _row()
_ENVELOPE: Final = "ENVELOPE ("


def decode_short_rows(responses: Iterable[Frame | bytes]) -> list[FetchReceived]:
    """Rows of UID with FLAGS or RFC822.SIZE at the head of *responses*, some hundreds at most.

    They are read in runs of growing length, each at one go, which is faster than one by one. The
    first run with anything else in it is left to others: what is looked at in vain is a few times
    as long as what was read, and no more.
    """
    rows: list[FetchReceived] = []
    waiting = iter(responses)
    length = 1
    while length <= _LONGEST_RUN and (lines := list(islice(waiting, length))):
        found = _rows_of(lines)
        if not found:
            break
        rows += found
        length *= _GROWTH
    return rows


def _rows_of(lines: list[Frame | bytes]) -> list[FetchReceived]:
    """All of *lines* as rows, if they are short rows of one kind."""
    if set(map(type, lines)) != {bytes}:
        return []
    if len(lines) == 1:
        return _one_row(cast("bytes", lines[0]))
    octets = b"\r\n".join([*cast("list[bytes]", lines), b""])
    if _FLAGS_ROW.match(octets) is not None:
        name, row, read = "FLAGS", _FLAGS_ROW, _flag_lists
    elif _SIZE_ROW.match(octets) is not None:
        name, row, read = "RFC822.SIZE", _SIZE_ROW, _sizes
    else:
        return []
    pieces: list[bytes] = row.split(octets)
    if any(pieces[::4]):  # what stands between two rows
        return []
    seqs, uids, values = _ids(pieces[1::4]), _ids(pieces[2::4]), read(pieces[3::4])
    if seqs is None or uids is None or values is None:
        return []
    items = [{"UID": uid, name: value} for uid, value in zip(uids, values, strict=True)]
    return list(map(_event, zip(seqs, items, strict=True)))


def _one_row(line: bytes) -> list[FetchReceived]:
    match = _ONE_ROW.fullmatch(line)
    if match is None:
        return []
    seq, uid, flags, size = match.groups()
    items: Items = {"UID": int(uid)}
    if flags is None:
        items["RFC822.SIZE"] = int(size)
    else:
        items["FLAGS"] = listed = _cached_octets(flags)
        if listed is None:
            return []
    return [FetchReceived(int(seq), items)]


def _ids(raws: list[bytes]) -> Sequence[int] | None:
    """The numbers in *raws*, None where any is none or zero.

    Most runs count up by one: to see that costs a third of reading each.
    """
    if all(map(bytes.isdigit, raws)) and min(raws) >= b"1":
        run = range(int(raws[0]), int(raws[0]) + len(raws))
        if int(raws[-1]) == run[-1] and " ".join(map(str, run)).encode() == b" ".join(raws):
            return run
        return list(map(int, raws))
    return None


def _sizes(raws: list[bytes]) -> list[int] | None:
    return list(map(int, raws)) if all(map(bytes.isdigit, raws)) else None


def _flag_lists(raws: list[bytes]) -> Sequence[object] | None:
    found = list(map(_cached_octets, raws))
    return None if None in found else found


def decode_common_row(
    data: bytes, *, inlined: int = 0, cut: bool = False
) -> tuple[int, Items, int] | None:
    """Number, items and end of the row *data*, as far as they are the usual ones.

    With *cut* it ends with the line that announces a body. *inlined* is where the last of the
    literals ends that were written as quoted strings. None where the response is no row, and where
    none of its items can be read here.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if not inlined and _has_controls(text, len(text) - len("\r\n") if cut else len(text)):
        return None
    match = _ROW.match(text, 0, _end_of_plain(text))
    if match is None:
        return None
    end = match.end()
    if len(text) != len(data):  # a place in the text is none in the octets, but for the end
        end = len(data) - 1 if end == len(text) - 1 else -1
    if end < inlined:
        return None
    items = _items(match.groups())
    return (int(match[1]), items, end) if items else None


def _has_controls(text: str, end: int) -> bool:
    """Whether there is a character that no quoted string holds; literals may have it."""
    return max(text.find("\r", 0, end), text.find("\n", 0, end), text.find("\0", 0, end)) >= 0


def _end_of_plain(text: str) -> int:
    """Where the expression has to stop: at an envelope with escapes, which is read elsewhere."""
    envelope = text.find(_ENVELOPE)
    escaped = envelope >= 0 and text.find("\\", envelope) >= 0
    return envelope if escaped else len(text)


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
    return _split(raw.decode("ascii")) if _FLAG_LIST.fullmatch(raw) else None


def plain_flags(text: str) -> tuple[str, ...] | None:
    """The flags in *text*, or None where there are spaces too many between them."""
    return _cached_flags(text) if len(text) <= _LONGEST_CACHED else _split(text)
