"""Conversations about messages of the selected mailbox: SEARCH, STORE, COPY, MOVE, EXPUNGE; APPEND.

``UID EXPUNGE`` or nothing: a plain EXPUNGE would also remove what other clients have marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sage_imap.errors import CapabilityMissing, LocalProtocolError
from sage_imap.models.message import MessageSet
from sage_imap.models.results import AppendResult, MoveResult, StoreResult
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Answer, Session
from sage_imap.protocol import commands, extensions
from sage_imap.protocol.command import Literal
from sage_imap.protocol.events import (
    ESearchReceived,
    Event,
    FetchReceived,
    ResponseCode,
    SearchReceived,
    UntaggedStatus,
)
from sage_imap.protocol.sets import UIDSet

__all__ = ["append", "copy", "expunge", "move", "search", "store"]

# Servers differ in how long a line they take; 8,192 octets is what RFC 7162 section 4 asks for.
MOST_LINE: Final = 7000


def search(
    session: Session,
    criteria: str | Sequence[str | Literal] = "ALL",
    *,
    changed_since: int | None = None,
) -> Operation[MessageSet]:
    """The messages of the selected mailbox that fit; by ESEARCH, as a set, where offered."""
    mailbox = session.mailbox
    if mailbox is None:
        raise LocalProtocolError("SEARCH needs a selected mailbox; nothing was sent")
    returning = ("ALL",) if session.offers("ESEARCH") else None
    command = commands.search(criteria, returning=returning, changed_since=changed_since)
    answer = yield from session.exchange(command)
    return MessageSet(_found(answer), mailbox.name, mailbox.uidvalidity)


def store(
    session: Session,
    message_set: MessageSet,
    flags: Iterable[str],
    *,
    mode: commands.StoreMode = "add",
    unchanged_since: int | None = None,
) -> Operation[StoreResult]:
    """Add, remove or replace flags; the flags that the server tells are returned."""
    wanted = tuple(flags)
    told: dict[int, tuple[str, ...]] = {}
    modified = UIDSet()
    for uids in _portions(session, message_set, "STORE"):
        command = commands.store(uids, wanted, mode=mode, unchanged_since=unchanged_since)
        answer = yield from session.exchange(command)
        told.update(_flags_told(answer.events))
        code = answer.completed.code
        if code is not None and code.name == "MODIFIED":
            modified = modified | _first_set(code)
    return StoreResult(told, modified)


def copy(session: Session, message_set: MessageSet, mailbox: str) -> Operation[MoveResult]:
    """Copy messages; without UIDPLUS, those that were there before are taken as copied."""
    result = MoveResult(UIDSet())
    for uids in _portions(session, message_set, "COPY"):
        there = UIDSet()
        if not session.offers("UIDPLUS"):
            there = yield from _present(session, uids)
        answer = yield from session.exchange(commands.copy(uids, mailbox))
        result = _merged(result, _copied(answer) or MoveResult(there))
    return result


def move(session: Session, message_set: MessageSet, mailbox: str) -> Operation[MoveResult]:
    """Move messages: by MOVE, else by COPY, STORE ``\\Deleted`` and UID EXPUNGE.

    Raises `CapabilityMissing` where the server has neither MOVE nor UIDPLUS; nothing is sent.
    """
    if not session.offers("MOVE"):
        if not session.offers("UIDPLUS"):
            raise CapabilityMissing("MOVE", "a move that touches no other message")
        return (yield from _move_by_copy(session, message_set, mailbox))
    result = MoveResult(UIDSet())
    for uids in _portions(session, message_set, "MOVE"):
        there = UIDSet()
        if not session.offers("UIDPLUS"):
            there = yield from _present(session, uids)
        answer = yield from session.exchange(extensions.move(uids, mailbox))
        moved = _copied(answer)
        if moved is None and there:
            moved = MoveResult(there - (yield from _present(session, there)))
        if moved is not None:
            result = _merged(result, moved)
    return result


def expunge(session: Session, message_set: MessageSet) -> Operation[None]:
    """Remove those of the messages that are flagged ``\\Deleted``, and no other.

    Raises `CapabilityMissing` without UIDPLUS; nothing is sent.
    """
    if not session.offers("UIDPLUS"):
        raise CapabilityMissing("UIDPLUS", "an EXPUNGE that touches no other message")
    for uids in _portions(session, message_set, "EXPUNGE"):
        yield from session.exchange(extensions.expunge(uids))


def append(
    session: Session,
    mailbox: str,
    data: bytes,
    *,
    flags: Iterable[str] = (),
    date: datetime | None = None,
) -> Operation[AppendResult]:
    """Add a message to *mailbox*, which need not be selected."""
    command = commands.append(mailbox, data, flags=flags, date=date)
    answer = yield from session.exchange(command)
    code = answer.completed.code
    if code is None or code.name != "APPENDUID" or len(code.args) < 2:
        return AppendResult()
    uidvalidity, uid = code.args[:2]
    uids = list(uid) if isinstance(uid, UIDSet) else [uid]
    return AppendResult(
        uidvalidity if isinstance(uidvalidity, int) else None,
        uids[0] if uids and isinstance(uids[0], int) else None,
    )


def _move_by_copy(session: Session, message_set: MessageSet, mailbox: str) -> Operation[MoveResult]:
    copied = yield from copy(session, message_set, mailbox)
    if copied.source:
        gone = MessageSet.from_uids(copied.source, message_set.mailbox, message_set.uidvalidity)
        yield from store(session, gone, ["\\Deleted"])
        yield from expunge(session, gone)
    return copied


def _portions(session: Session, message_set: MessageSet, what: str) -> Iterable[UIDSet | str]:
    """The wire forms of the set, none longer than a line may be."""
    text = session.uids_for(message_set, what)
    if not message_set:
        return ()
    if message_set.is_open or len(text) <= MOST_LINE:
        return (message_set.uids if not message_set.is_open else text,)
    return message_set.uids.split(most_ids=len(message_set), most_bytes=MOST_LINE)


def _present(session: Session, uids: UIDSet | str) -> Operation[UIDSet]:
    found = yield from search(session, f"UID {uids}")
    return found.uids


def _found(answer: Answer) -> UIDSet:
    found = UIDSet()
    for extended in answer.of(ESearchReceived):
        if extended.all is not None:
            found = found | extended.all
    plain = [uid for event in answer.of(SearchReceived) for uid in event.ids if uid > 0]
    return found | UIDSet.of(plain) if plain else found


def _flags_told(events: Iterable[Event]) -> dict[int, tuple[str, ...]]:
    told: dict[int, tuple[str, ...]] = {}
    for event in events:
        if isinstance(event, FetchReceived):
            uid, flags = event.items.get("UID"), event.items.get("FLAGS")
            if isinstance(uid, int) and isinstance(flags, tuple):
                told[uid] = flags
    return told


def _copied(answer: Answer) -> MoveResult | None:
    """What COPYUID said; None where there was none."""
    result: MoveResult | None = None
    codes = [event.code for event in answer.of(UntaggedStatus)] + [answer.completed.code]
    for code in codes:
        if code is not None and code.name == "COPYUID" and len(code.args) == 3:
            said = _copyuid(code)
            result = said if result is None else _merged(result, said)
    return result


def _copyuid(code: ResponseCode) -> MoveResult:
    uidvalidity, source, _ = code.args
    if not isinstance(source, UIDSet):
        return MoveResult(UIDSet())
    mapping = {
        old + offset: new + offset for old, new, count in code.copied for offset in range(count)
    }
    return MoveResult(source, mapping, uidvalidity if isinstance(uidvalidity, int) else None)


def _merged(left: MoveResult, right: MoveResult) -> MoveResult:
    uidvalidity = right.uidvalidity if left.uidvalidity is None else left.uidvalidity
    return MoveResult(left.source | right.source, {**left.mapping, **right.mapping}, uidvalidity)


def _first_set(code: ResponseCode) -> UIDSet:
    return code.args[0] if code.args and isinstance(code.args[0], UIDSet) else UIDSet()
