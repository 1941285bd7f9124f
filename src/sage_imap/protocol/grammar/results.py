"""Responses that carry the results of searches: SEARCH, SORT, ESEARCH, THREAD.

RFC 9051 section 7.3.4, RFC 3501 section 7.2.5, RFC 5256, RFC 4731, RFC 9394, RFC 7377, RFC 7162.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sage_imap.protocol.events import (
    ESearchReceived,
    SearchReceived,
    SortReceived,
    ThreadReceived,
)
from sage_imap.protocol.grammar.mailboxes import decode_mailbox
from sage_imap.protocol.grammar.tokens import (
    Scanner,
    Unreadable,
    Value,
    as_list,
    as_number,
    atom_text,
    string,
)
from sage_imap.protocol.sets import UIDSet

if TYPE_CHECKING:
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = ["decode_esearch", "decode_search", "decode_sort", "decode_thread"]

_NUMBERS: Final = re.compile(
    rb" *+((?>(?:[0-9]{1,20}(?: ++|\Z))*))(?:\(MODSEQ ([0-9]{1,20})\) *+)?", re.IGNORECASE
)


def decode_search(scanner: Scanner, context: DecodeContext) -> SearchReceived:
    """A SEARCH response; there may be several for one command."""
    return SearchReceived(*_numbers(scanner))


def decode_sort(scanner: Scanner, context: DecodeContext) -> SortReceived:
    """A SORT response."""
    return SortReceived(*_numbers(scanner))


def _numbers(scanner: Scanner) -> tuple[tuple[int, ...], int | None]:
    match = _NUMBERS.fullmatch(scanner.data, scanner.position)
    if match is None:
        raise Unreadable("numbers were expected")
    if scanner.data[-1:] == b" ":
        scanner.tolerate("quirk_extra_space")
    return tuple(map(int, match[1].split())), None if match[2] is None else int(match[2])


def decode_esearch(scanner: Scanner, context: DecodeContext) -> ESearchReceived:
    """An ESEARCH response; results that nobody knows are passed over."""
    values = scanner.rest()
    correlator: dict[str, Value] = {}
    if values and isinstance(values[0], list):
        correlator = _pairs(values.pop(0))
    uid = bool(values) and isinstance(values[0], str) and values[0].upper() == "UID"
    results = _pairs(values[1:] if uid else values)
    return ESearchReceived(
        tag=atom_text(correlator["TAG"]) if "TAG" in correlator else None,
        uid=uid,
        all=UIDSet.parse(string(results["ALL"])) if results.get("ALL") is not None else None,
        min=_optional_number(results, "MIN"),
        max=_optional_number(results, "MAX"),
        count=_optional_number(results, "COUNT"),
        modseq=_optional_number(results, "MODSEQ"),
        partial=_partial(results["PARTIAL"]) if "PARTIAL" in results else None,
        mailbox=decode_mailbox(correlator["MAILBOX"], context) if "MAILBOX" in correlator else None,
        uidvalidity=_optional_number(correlator, "UIDVALIDITY"),
    )


def _pairs(value: Value) -> dict[str, Value]:
    values = as_list(value)
    if len(values) % 2:
        raise Unreadable("a result has no value")
    return {
        atom_text(name).upper(): item for name, item in zip(values[::2], values[1::2], strict=True)
    }


def _optional_number(results: dict[str, Value], name: str) -> int | None:
    value = results.get(name)
    return None if value is None else as_number(value)


def _partial(value: Value) -> tuple[str, UIDSet | None]:
    """PARTIAL (RFC 9394 section 3.1): the range asked for and what is there of it."""
    if not isinstance(value, list) or len(value) != 2:
        raise Unreadable("a range and a set were expected")
    found = None if value[1] is None else UIDSet.parse(string(value[1]))
    return atom_text(value[0]), found


def decode_thread(scanner: Scanner, context: DecodeContext) -> ThreadReceived:
    """A THREAD response."""
    return ThreadReceived([_thread(value) for value in scanner.rest()])


def _thread(value: Value) -> object:
    if isinstance(value, list):
        return [_thread(item) for item in value]
    return as_number(value)
