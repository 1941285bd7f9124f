"""Response codes and their arguments.

RFC 9051 section 7.1, RFC 4315 (UIDPLUS), RFC 7162 (CONDSTORE), RFC 8474 (OBJECTID), RFC 5464
(METADATA), RFC 9585 (INPROGRESS); a code that nobody knows keeps its arguments as they came.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sage_imap.protocol.events import ResponseCode
from sage_imap.protocol.framing import Frame
from sage_imap.protocol.grammar.text import decode_text
from sage_imap.protocol.grammar.tokens import Scanner, Unreadable, Value, as_text
from sage_imap.protocol.sets import UIDSet

if TYPE_CHECKING:
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = ["decode_code"]

_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_SET: Final = rb"([0-9]{1,20}(?::[0-9]{1,20})?(?>(?:,[0-9]{1,20}(?::[0-9]{1,20})?)*))?"
_COPYUID: Final = re.compile(rb"([0-9]{1,20}) " + _SET + rb" " + _SET + rb" *")
_APPENDUID: Final = re.compile(rb"([0-9]{1,20}) " + _SET + rb" *")
_MODIFIED: Final = re.compile(_SET + rb" *")

Run = tuple[int, int]


def decode_code(name: bytes, arguments: bytes | None, context: DecodeContext) -> ResponseCode:
    """The code *name* with its *arguments*, the octets between the name and the bracket.

    Never raises: arguments of another form than the code should have are kept as one text.
    """
    code = decode_text(name).upper()
    if arguments is None:
        return ResponseCode(code)
    if reader := _READERS.get(code):
        try:
            return reader(code, arguments)
        except ValueError:
            context.quirks.tolerate("quirk_odd_code")
            return ResponseCode(code, (decode_text(arguments),))
    try:
        values = Scanner(Frame(arguments), context).rest()
        return ResponseCode(code, tuple(_argument(value) for value in values))
    except (Unreadable, ValueError):
        return ResponseCode(code, (decode_text(arguments),))


def _capability(code: str, arguments: bytes) -> ResponseCode:
    return ResponseCode(code, tuple(decode_text(arguments).upper().split()))


def _url(code: str, arguments: bytes) -> ResponseCode:
    return ResponseCode(code, (decode_text(arguments.strip()),))


def _object_id(code: str, arguments: bytes) -> ResponseCode:
    return ResponseCode(code, (decode_text(arguments.strip(b" ()")),))


def _modified(code: str, arguments: bytes) -> ResponseCode:
    return ResponseCode(code, (_uid_set(_groups(_MODIFIED, arguments)[0]),))


def _append_uid(code: str, arguments: bytes) -> ResponseCode:
    validity, uids = _groups(_APPENDUID, arguments)
    return ResponseCode(code, (int(validity or b"0"), _uid_set(uids)))


def _copy_uid(code: str, arguments: bytes) -> ResponseCode:
    validity, sources, targets = _groups(_COPYUID, arguments)
    return ResponseCode(
        code,
        (int(validity or b"0"), _uid_set(sources), _uid_set(targets)),
        copied=_pair(_runs(sources), _runs(targets)),
    )


def _groups(expression: re.Pattern[bytes], arguments: bytes) -> tuple[bytes | None, ...]:
    match = expression.fullmatch(arguments)
    if match is None:
        raise ValueError("the arguments are not those of the code")
    return match.groups()


def _uid_set(raw: bytes | None) -> UIDSet:
    return UIDSet.parse(raw or b"")


def _runs(raw: bytes | None) -> list[Run]:
    """The ranges of a set in the order in which they were sent; "5:3" is 3, 4, 5 (RFC 4315)."""
    runs: list[Run] = []
    for part in raw.split(b",") if raw else ():
        low, _, high = part.partition(b":")
        first = int(low)
        last = int(high) if high else first
        runs.append((min(first, last), max(first, last)))
    return runs


def _pair(sources: list[Run], targets: list[Run]) -> tuple[tuple[int, int, int], ...]:
    """Runs of (source, target, count), or nothing where the sets are not of one size.

    The sets are paired as they stand on the wire, not sorted: a server may list the sources in
    the order of a sort (RFC 4315 section 3).
    """
    if sum(b - a for a, b in sources) + len(sources) != sum(b - a for a, b in targets) + len(
        targets
    ):
        return ()
    pairs: list[tuple[int, int, int]] = []
    waiting = iter(targets)
    target, last = 0, -1
    for source, end in sources:
        while source <= end:
            if target > last:
                target, last = next(waiting)
            count = min(end - source, last - target) + 1
            pairs.append((source, target, count))
            source += count
            target += count
    return tuple(pairs)


def _argument(value: Value) -> object:
    if isinstance(value, list):
        return tuple(_argument(item) for item in value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    return as_text(value)


_READERS: Final[dict[str, Callable[[str, bytes], ResponseCode]]] = {
    "APPENDUID": _append_uid,
    "CAPABILITY": _capability,
    "COPYUID": _copy_uid,
    "MAILBOXID": _object_id,
    "MODIFIED": _modified,
    "REFERRAL": _url,
    "WEBALERT": _url,
}
