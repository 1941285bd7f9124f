"""Which response it is, and who decodes it (RFC 9051 section 9, response).

``quirk_extra_space`` is also met between the asterisk and the response, ``quirk_raw_8bit`` is an
octet beyond ASCII outside a literal although UTF-8 was never enabled, and ``quirk_bare_plus`` a
continuation without a space. Names are compared without regard to case, as the grammar has it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sage_imap.protocol.events import (
    ContinuationRequested,
    Event,
    ExistsReceived,
    ExpungeReceived,
    FetchReceived,
    ParseFailure,
    RecentReceived,
    Status,
)
from sage_imap.protocol.framing import Frame
from sage_imap.protocol.grammar.administration import (
    decode_acl,
    decode_list_rights,
    decode_metadata,
    decode_my_rights,
    decode_quota,
    decode_quota_root,
)
from sage_imap.protocol.grammar.common_row import decode_short_rows
from sage_imap.protocol.grammar.fetch import decode_row, decode_usual_line, decode_usual_row
from sage_imap.protocol.grammar.mailboxes import decode_list, decode_namespace, decode_status
from sage_imap.protocol.grammar.results import (
    decode_esearch,
    decode_search,
    decode_sort,
    decode_thread,
)
from sage_imap.protocol.grammar.session import (
    decode_capability,
    decode_enabled,
    decode_flag_list,
    decode_id,
    decode_vanished,
)
from sage_imap.protocol.grammar.status import completion_events, untagged_status_events
from sage_imap.protocol.grammar.text import decode_text
from sage_imap.protocol.grammar.tokens import Scanner, Unreadable

if TYPE_CHECKING:
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = ["decode", "decode_rows"]

_UNTAGGED: Final = re.compile(
    rb"\*( *+)(?:([0-9]{1,20})( ++))?([A-Za-z][A-Za-z0-9.\-]*+)(?=[ ()\[]|\Z)"
)
_TAGGED: Final = re.compile(rb"([^\x00-\x20+*(){%\"\\\x7f]++) ++(OK|NO|BAD)(?= |\Z)", re.IGNORECASE)
_STATUSES: Final = {status.value: status for status in Status}
_NUMBERED: Final = frozenset({"EXISTS", "EXPUNGE", "FETCH", "RECENT", "UIDFETCH"})

_DECODERS: Final[dict[str, Callable[[Scanner, DecodeContext], Event]]] = {
    "ACL": decode_acl,
    "CAPABILITY": decode_capability,
    "ENABLED": decode_enabled,
    "ESEARCH": decode_esearch,
    "FLAGS": decode_flag_list,
    "ID": decode_id,
    "LIST": decode_list,
    "LISTRIGHTS": decode_list_rights,
    "LSUB": decode_list,
    "METADATA": decode_metadata,
    "MYRIGHTS": decode_my_rights,
    "NAMESPACE": decode_namespace,
    "QUOTA": decode_quota,
    "QUOTAROOT": decode_quota_root,
    "SEARCH": decode_search,
    "SORT": decode_sort,
    "STATUS": decode_status,
    "THREAD": decode_thread,
    "VANISHED": decode_vanished,
    "XLIST": decode_list,
}


def decode(frame: Frame, context: DecodeContext) -> list[Event]:
    """The events of one response, in order; a tagged one of no open command has none.

    Never raises: what cannot be understood is one `ParseFailure`.
    """
    data = frame.data
    if not frame.literals and (rows := decode_short_rows((data,))):
        return [*rows]
    if not data.isascii() and not _admits_8bit(frame, context):
        return [_failure("quirk_raw_8bit was met and is switched off", frame, context)]
    events = decode_usual_row(frame, context)
    if events is not None:
        return events
    try:
        return _decode_any(frame, context)
    except (Unreadable, ValueError) as error:
        reason = str(error) if isinstance(error, Unreadable) else "a value is out of range"
        return [_failure(reason, frame, context)]


def decode_rows(responses: deque[Frame | bytes], context: DecodeContext) -> list[FetchReceived]:
    """Usual rows of FETCH at the head of *responses*, none behind a response that is none."""
    rows: list[FetchReceived] = []
    if responses and isinstance(responses[0], bytes):
        rows = decode_short_rows(responses)
    if rows:
        return rows
    for response in responses:
        if isinstance(response, bytes):
            events = decode_usual_line(response, context) if response.isascii() else None
        else:
            events = decode_usual_row(response, context) if response.data.isascii() else None
        if events is None or not isinstance(events[0], FetchReceived):
            break
        rows.append(events[0])
    return rows


def _decode_any(frame: Frame, context: DecodeContext) -> list[Event]:
    data = frame.data
    match data[:1]:
        case b"*":
            return _decode_untagged(frame, context)
        case b"+":
            return [_decode_continuation(data, context)]
    match = _TAGGED.match(data)
    if match is None:
        raise Unreadable("neither tagged nor untagged")
    handle = context.handles.get(match[1])
    if handle is None:
        return []
    status = _STATUSES[match[2].decode().upper()]
    return completion_events(handle, status, data[match.end() :], context)


def _decode_continuation(data: bytes, context: DecodeContext) -> Event:
    if len(data) == 1 and not context.quirks.tolerate("quirk_bare_plus"):
        raise Unreadable("quirk_bare_plus was met and is switched off")
    if data[1:2] not in (b"", b" "):
        raise Unreadable("a space was expected behind the plus sign")
    return ContinuationRequested(decode_text(data[2:]))


def _decode_untagged(frame: Frame, context: DecodeContext) -> list[Event]:
    data = frame.data
    match = _UNTAGGED.match(data)
    if match is None:
        raise Unreadable("the name of a response was expected")
    name = match[4].decode().upper()
    scanner = Scanner(frame, context, match.end())
    if len(match[1]) != 1 or len(match[3] or b" ") != 1:
        scanner.tolerate("quirk_extra_space")
    if match[2] is not None:
        return _decode_numbered(name, int(match[2]), scanner, frame, context)
    status = _STATUSES.get(name)
    if status is not None:
        return untagged_status_events(status, data[match.end() :], context)
    decoder = _DECODERS.get(name)
    if decoder is None:
        return [_failure("an unknown response", frame, context, name)]
    try:
        return [decoder(scanner, context)]
    except (Unreadable, ValueError) as error:
        reason = str(error) if isinstance(error, Unreadable) else "a value is out of range"
        return [_failure(reason, frame, context, name)]


def _decode_numbered(
    name: str, number: int, scanner: Scanner, frame: Frame, context: DecodeContext
) -> list[Event]:
    if name not in _NUMBERED:
        return [_failure("an unknown response", frame, context, name)]
    if not number and name not in ("EXISTS", "RECENT"):
        return [_failure("zero is the number of no message", frame, context, name)]
    match name:
        case "FETCH":
            return decode_row(frame, scanner.position, context, seq=number, uid=None)
        case "UIDFETCH":
            return decode_row(frame, scanner.position, context, seq=None, uid=number)
    scanner.expect_end()
    match name:
        case "EXISTS":
            return [ExistsReceived(number)]
        case "RECENT":
            return [RecentReceived(number)]
    return [ExpungeReceived(number)]


def _admits_8bit(frame: Frame, context: DecodeContext) -> bool:
    """Whether octets beyond ASCII are allowed or put up with; those of literals always are."""
    if context.utf8:
        return True
    data, position = frame.data, 0
    for start, end in frame.literals:
        if not data[position:start].isascii():
            break
        position = end
    else:
        if data[position:].isascii():
            return True
    return context.quirks.tolerate("quirk_raw_8bit")


def _failure(
    reason: str, frame: Frame, context: DecodeContext, response: str | None = None
) -> ParseFailure:
    raw = frame.data[: context.limits.parse_failure_raw]
    return ParseFailure(reason, raw, response=response)
