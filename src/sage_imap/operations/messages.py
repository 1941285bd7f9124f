"""Conversations about messages of the selected mailbox: SEARCH, STORE, COPY, MOVE, EXPUNGE; APPEND.

``UID EXPUNGE`` or nothing: a plain EXPUNGE would also remove what other clients have marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final

from sage_imap.errors import (
    CapabilityMissing,
    CommandRejected,
    LocalProtocolError,
    MessageUnreadable,
)
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.models.message import MessageSet
from sage_imap.models.results import AppendResult, MoveResult, StoreResult
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Answer, Claim, Session
from sage_imap.protocol import commands, extensions
from sage_imap.protocol.command import Command
from sage_imap.protocol.events import (
    ESearchReceived,
    Event,
    ExpungeReceived,
    FetchReceived,
    ParseFailure,
    ResponseCode,
    SearchReceived,
    UntaggedStatus,
    VanishedReceived,
)
from sage_imap.protocol.sets import UIDSet

__all__ = [
    "append",
    "check_movable",
    "copy",
    "delete",
    "expunge",
    "expunge_flagged",
    "move",
    "present",
    "search",
    "store",
]

# Each message may be answered by a row or two, which are kept until the command is complete.
MOST_MESSAGES: Final = 10_000

_SEARCHES: Final = frozenset({"ESEARCH", "SEARCH"})
_ECHOED: Final = frozenset({"UID", "FLAGS", "MODSEQ"})


def search(
    session: Session,
    criteria: str | Iterable[str] = "ALL",
    *,
    changed_since: int | None = None,
) -> Operation[MessageSet]:
    """The messages of the selected mailbox that fit; by ESEARCH, as a set, where offered.

    *criteria* are search keys as text or as `IMAPSearchCriteria`, or several that must all fit.
    Raises `MessageUnreadable` where the answer cannot be understood: that is not "none".
    """
    mailbox = session.mailbox
    if mailbox is None:
        raise LocalProtocolError("SEARCH needs a selected mailbox; nothing was sent")
    returning = ("ALL",) if session.offers("ESEARCH") else None
    keys = IMAPSearchCriteria.of(criteria).parts
    command = commands.search(keys, returning=returning, changed_since=changed_since)
    answer = yield from session.exchange(command)
    if any(failure.response in _SEARCHES for failure in answer.of(ParseFailure)):
        raise MessageUnreadable("the answer to SEARCH cannot be understood; nothing was found out")
    return MessageSet(_found(answer), mailbox.name, mailbox.uidvalidity)


def store(
    session: Session,
    message_set: MessageSet,
    flags: Iterable[str],
    *,
    mode: commands.StoreMode = "add",
    unchanged_since: int | None = None,
) -> Operation[StoreResult]:
    """Add, remove or replace flags; the flags that the server tells are returned.

    Raises `LocalProtocolError` where the mailbox was selected read-only; nothing is sent.
    """
    session.check_writable("STORE")
    wanted = flags if isinstance(flags, str) else tuple(flags)  # one text is refused below
    result = StoreResult()
    command_for = partial(commands.store, flags=wanted, mode=mode, unchanged_since=unchanged_since)
    for uids in _portions(session, message_set, command_for):
        command = command_for(uids)
        answer = yield from session.attempt(command, claim=_echo_of(message_set))
        code = answer.completed.code
        modified = _first_set(code) if code is not None and code.name == "MODIFIED" else UIDSet()
        if not modified:  # with MODIFIED, a NO says which were left alone and no more than that
            _raise_for_status(answer, result if result.flags else None)
        result = _with_flags_told(result, answer, result.modified | modified)
    return result


def copy(session: Session, message_set: MessageSet, mailbox: str) -> Operation[MoveResult]:
    """Copy messages.

    Where the server does not say which it copied, those that are there afterwards are taken as
    copied: UIDs do not come back, so that they were there before.
    """
    result = MoveResult(UIDSet())
    for uids in _portions(session, message_set, partial(commands.copy, mailbox=mailbox)):
        answer = yield from session.attempt(commands.copy(uids, mailbox))
        _raise_for_status(answer, result if result.source else None)
        copied = _copied(answer)
        if copied is None:
            copied = MoveResult((yield from present(session, uids)))
        result = _merged(result, copied)
    return result


def move(session: Session, message_set: MessageSet, mailbox: str) -> Operation[MoveResult]:
    """Move messages: by MOVE, else by COPY, STORE ``\\Deleted`` and UID EXPUNGE.

    Raises `CapabilityMissing` where the server has neither MOVE nor UIDPLUS, and
    `LocalProtocolError` where the mailbox was selected read-only; nothing is sent. A NO may come
    after a part was moved (RFC 6851 section 3.3): what is known of it is the error's ``partial``.
    """
    check_movable(session, message_set)
    if not session.offers("MOVE"):
        return (yield from _move_by_copy(session, message_set, mailbox))
    result = MoveResult(UIDSet())
    for uids in _portions(session, message_set, partial(extensions.move, mailbox=mailbox)):
        there: UIDSet | None = None
        if not session.offers("UIDPLUS"):
            there = yield from present(session, uids)
        answer = yield from session.attempt(extensions.move(uids, mailbox))
        moved = _copied(answer)
        result = _merged(result, moved or MoveResult(UIDSet()))
        _raise_for_status(answer, result if result.source else None)
        if moved is None:
            result = _merged(result, (yield from _moved_untold(session, answer, uids, there)))
    return result


def check_movable(session: Session, message_set: MessageSet) -> None:
    """Raise why *message_set* cannot be moved from here, if it cannot."""
    session.uids_for(message_set, "MOVE")
    session.check_writable("MOVE")
    if not session.offers("MOVE") and not session.offers("UIDPLUS"):
        raise CapabilityMissing("MOVE", "a move that touches no other message")


def _moved_untold(
    session: Session, answer: Answer, uids: UIDSet | str, there: UIDSet | None
) -> Operation[MoveResult]:
    """What a MOVE without COPYUID moved; *there* are those that were there before, if known."""
    if there is None:
        some = any(isinstance(event, ExpungeReceived | VanishedReceived) for event in answer.events)
        if not some or isinstance(uids, str):
            return MoveResult(UIDSet())  # OK without COPYUID: none of the UIDs is there
        there = uids
    left_behind = yield from present(session, there)
    return MoveResult(there - left_behind)


def expunge(session: Session, message_set: MessageSet) -> Operation[None]:
    """Remove those of the messages that are flagged ``\\Deleted``, and no other.

    Raises `CapabilityMissing` without UIDPLUS, and `LocalProtocolError` where the mailbox was
    selected read-only; nothing is sent.
    """
    session.check_writable("EXPUNGE")
    if not session.offers("UIDPLUS"):
        raise CapabilityMissing("UIDPLUS", "an EXPUNGE that touches no other message")
    for uids in _portions(session, message_set, extensions.expunge):
        yield from session.exchange(extensions.expunge(uids))


def expunge_flagged(session: Session, message_set: MessageSet) -> Operation[UIDSet]:
    """The same; those that were removed."""
    session.check_writable("EXPUNGE")
    flagged = UIDSet()
    for uids in _portions(session, message_set, _search_flagged):
        flagged = flagged | (yield from search(session, f"UID {uids} DELETED")).uids
    yield from expunge(session, message_set)
    return flagged - (yield from present(session, flagged))


def _search_flagged(uids: str) -> Command:
    return commands.search((f"UID {uids} DELETED".encode(),), returning=("ALL",))


def delete(session: Session, message_set: MessageSet) -> Operation[UIDSet]:
    """Flag the messages as deleted and remove them; those that were removed.

    Raises `CapabilityMissing` without UIDPLUS; nothing is flagged then.
    """
    session.check_writable("STORE")
    if not session.offers("UIDPLUS"):
        raise CapabilityMissing("UIDPLUS", "an EXPUNGE that touches no other message")
    yield from store(session, message_set, ["\\Deleted"])
    return (yield from expunge_flagged(session, message_set))


def append(
    session: Session,
    mailbox: str,
    data: bytes,
    *,
    flags: Iterable[str] = (),
    date: datetime | None = None,
) -> Operation[AppendResult]:
    """Add a message to *mailbox*, which need not be selected."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise LocalProtocolError("a message is bytes, headers and all; nothing was sent")
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
    if not copied.source:
        return copied
    gone = MessageSet.from_uids(copied.source, message_set.mailbox, message_set.uidvalidity)
    yield from store(session, gone, ["\\Deleted"])
    yield from expunge(session, gone)
    left = yield from present(session, copied.source)
    mapping = {old: new for old, new in copied.mapping.items() if old not in left}
    return MoveResult(copied.source - left, mapping, copied.uidvalidity)


def _portions(
    session: Session, message_set: MessageSet, command_for: Callable[[str], Command]
) -> Iterable[UIDSet | str]:
    """The wire forms of the set: none longer than a line may be, and none answered without end."""
    sample = command_for("1")
    text = session.uids_for(message_set, sample.name.removeprefix("UID "))
    if not message_set:
        return ()
    if message_set.is_open:
        return (text,)
    room = session.room_for_uids(sample)
    return message_set.uids.split(most_ids=MOST_MESSAGES, most_bytes=room)


def present(session: Session, uids: UIDSet | str) -> Operation[UIDSet]:
    """Those of *uids* that are in the mailbox."""
    if isinstance(uids, str):
        return (yield from search(session, f"UID {uids}")).uids
    found = UIDSet()
    room = session.room_for_uids(commands.search((b"UID 1",), returning=("ALL",)))
    for part in uids.split(most_ids=MOST_MESSAGES, most_bytes=room):
        found = found | (yield from search(session, f"UID {part}")).uids
    return found


def _found(answer: Answer) -> UIDSet:
    found = UIDSet()
    for extended in answer.of(ESearchReceived):
        if extended.all is not None:
            found = found | extended.all
    plain = [uid for event in answer.of(SearchReceived) for uid in event.ids if uid > 0]
    return found | UIDSet.of(plain) if plain else found


def _echo_of(message_set: MessageSet) -> Claim:
    """Recognises the rows by which a server answers STORE; they are no news to who sent it."""

    def echoes(event: Event) -> bool:
        return (
            isinstance(event, FetchReceived)
            and event.items.get("UID") in message_set
            and event.items.keys() <= _ECHOED
        )

    return echoes


def _with_flags_told(result: StoreResult, answer: Answer, modified: UIDSet) -> StoreResult:
    flags, modseqs = dict(result.flags), dict(result.modseqs)
    for event in answer.of(FetchReceived):
        uid, told = event.items.get("UID"), event.items.get("FLAGS")
        modseq = event.items.get("MODSEQ")
        if isinstance(uid, int) and isinstance(told, tuple):
            flags[uid] = told
        if isinstance(uid, int) and isinstance(modseq, int):
            modseqs[uid] = modseq
    return StoreResult(flags, modified, modseqs)


def _raise_for_status(answer: Answer, partial: object | None) -> None:
    """Raise what a NO or BAD stands for, with what had been done before it."""
    try:
        answer.raise_for_status()
    except CommandRejected as error:
        error.partial = partial
        raise


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
