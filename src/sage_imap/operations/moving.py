"""COPY and MOVE, in portions: each is finished before the next begins.

What became of each message stands in the result, and in the ``partial`` of whatever error ends the
work early: a copy cannot be taken back and may not be made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from sage_imap.errors import CapabilityMissing
from sage_imap.models.message import MessageSet
from sage_imap.models.results import MoveResult
from sage_imap.operations.books import TransferBooks, telling
from sage_imap.operations.effects import Operation
from sage_imap.operations.messages import expunge, portions, present, store
from sage_imap.operations.session import Answer, Session
from sage_imap.protocol import commands, extensions
from sage_imap.protocol.command import Command
from sage_imap.protocol.events import (
    ExpungeReceived,
    ResponseCode,
    Status,
    UntaggedStatus,
    VanishedReceived,
)
from sage_imap.protocol.sets import UIDSet

__all__ = ["check_movable", "copy", "move"]

Transfer = Callable[[Session, TransferBooks, UIDSet, str], Operation[None]]


def copy(session: Session, message_set: MessageSet, mailbox: str) -> Operation[MoveResult]:
    """Copy messages; those that were copied, with their new UIDs where the server tells them.

    A NO leaves its portion uncopied (RFC 9051 section 6.4.7); what was copied before it is the
    error's ``partial``.
    """
    session.uids_for(message_set, "COPY")
    return (yield from _transfer(session, message_set, mailbox, _copy_portion))


def move(session: Session, message_set: MessageSet, mailbox: str) -> Operation[MoveResult]:
    """Move messages: by MOVE, else by COPY, STORE ``\\Deleted`` and UID EXPUNGE.

    Raises `CapabilityMissing` where the server has neither MOVE nor UIDPLUS, and
    `LocalProtocolError` where the mailbox was selected read-only; nothing is sent. Any later error
    has in its ``partial`` what was done: a NO to MOVE may come after a part was moved (RFC 6851
    section 3.3), and where STORE or UID EXPUNGE is refused the messages were copied already.
    """
    check_movable(session, message_set)
    by = _move_portion if session.offers("MOVE") else _move_portion_by_copy
    return (yield from _transfer(session, message_set, mailbox, by))


def check_movable(session: Session, message_set: MessageSet) -> None:
    """Raise why *message_set* cannot be moved from here, if it cannot."""
    session.uids_for(message_set, "MOVE")
    session.check_writable("MOVE")
    if not session.offers("MOVE") and not session.offers("UIDPLUS"):
        raise CapabilityMissing("MOVE", "a move that touches no other message")


def _transfer(
    session: Session, message_set: MessageSet, mailbox: str, transfer: Transfer
) -> Operation[MoveResult]:
    books = TransferBooks()
    with telling(lambda: books.result):
        told = transfer is _move_portion and session.offers("UIDPLUS")
        if message_set.is_open or not told:
            message_set = yield from _known(session, message_set)
        command_for = partial(commands.copy, mailbox=mailbox)
        for uids in (yield from portions(session, message_set, command_for)):
            assert isinstance(uids, UIDSet)  # the set is closed
            yield from transfer(session, books, uids, mailbox)
    return books.result


def _known(session: Session, message_set: MessageSet) -> Operation[MessageSet]:
    """The set without what may yet arrive.

    Where the server does not say what it copied, a look afterwards has to tell. A message that
    comes between the two must not be taken for one that was copied, lest it be removed. Below
    UIDNEXT, as SELECT told it, none can come (RFC 9051 section 2.3.1.1).
    """
    mailbox = session.mailbox
    assert mailbox is not None
    uids: UIDSet | str = str(message_set) if message_set.is_open else message_set.uids
    if isinstance(uids, UIDSet) and (
        not uids or (mailbox.uidnext is not None and uids.max < mailbox.uidnext)
    ):
        return message_set
    found = yield from present(session, uids)
    return MessageSet(found, mailbox.name, mailbox.uidvalidity)


def _copy_portion(
    session: Session, books: TransferBooks, uids: UIDSet, mailbox: str
) -> Operation[None]:
    books.settled(uids, (yield from _copied(session, books, uids, mailbox)))


def _move_portion_by_copy(
    session: Session, books: TransferBooks, uids: UIDSet, mailbox: str
) -> Operation[None]:
    """Copy, mark, expunge. What was copied counts as duplicated until it is seen to be gone."""
    copied = yield from _copied(session, books, uids, mailbox)
    there = copied.source
    books.settled(uids, MoveResult(UIDSet(), copied.mapping, copied.uidvalidity, duplicated=there))
    if not there:
        return
    assert session.mailbox is not None
    gone = MessageSet(there, session.mailbox.name, session.mailbox.uidvalidity)
    yield from store(session, gone, ["\\Deleted"])
    yield from expunge(session, gone)
    books.removed(there - (yield from present(session, there)))


def _copied(
    session: Session, books: TransferBooks, uids: UIDSet, mailbox: str
) -> Operation[MoveResult]:
    """Copy *uids*; those that were copied, which are in doubt in the books while that is so.

    Where the server does not say, those that are there afterwards were copied: UIDs do not come
    back, so that they were there before.
    """
    answer = yield from _attempt(session, books, commands.copy(uids, mailbox), uids)
    if answer.completed.status is not Status.OK:
        books.refused(uids)
        answer.raise_for_status()
    told = _told(answer, uids)
    return MoveResult((yield from present(session, uids))) if told is None else told


def _move_portion(
    session: Session, books: TransferBooks, uids: UIDSet, mailbox: str
) -> Operation[None]:
    there: UIDSet | None = None
    if not session.offers("UIDPLUS"):
        there = yield from present(session, uids)
    answer = yield from _attempt(session, books, extensions.move(uids, mailbox), uids)
    moved = _told(answer, uids)
    if moved is None:
        moved = yield from _moved_untold(session, answer, uids, there)
    books.settled(uids, moved)
    answer.raise_for_status()


def _moved_untold(
    session: Session, answer: Answer, uids: UIDSet, there: UIDSet | None
) -> Operation[MoveResult]:
    """What a MOVE without COPYUID moved; *there* are those that were there before, if known."""
    if there is not None:
        return MoveResult(there - (yield from present(session, there)))
    vanished = UIDSet()
    for event in answer.of(VanishedReceived):
        vanished = vanished | event.uids
    departures = len(vanished) + len(answer.of(ExpungeReceived))
    if not departures:
        return MoveResult()  # without COPYUID: none of the UIDs is there
    gone = uids - (yield from present(session, uids))
    # As many have left as are gone: none was gone before, when it could not have been moved.
    moved = gone if departures == len(gone) else gone & vanished
    return MoveResult(moved, in_doubt=gone - moved)


def _attempt(
    session: Session, books: TransferBooks, command: Command, uids: UIDSet
) -> Operation[Answer]:
    handle = yield from session.begin(command)
    books.sent(uids)
    return (yield from session.answer(handle))


def _told(answer: Answer, uids: UIDSet) -> MoveResult | None:
    """What COPYUID said of *uids*; None where there was none.

    After MOVE it comes untagged, before the EXPUNGE responses (RFC 6851 section 4.3).
    """
    result: MoveResult | None = None
    for code in _codes(answer):
        if code.name != "COPYUID" or len(code.args) != 3:
            continue
        validity, source, _ = code.args
        if not isinstance(source, UIDSet):
            continue
        before = result or MoveResult()
        result = MoveResult(
            before.source | (source & uids),
            {**before.mapping, **_pairs(code, uids)},
            validity if isinstance(validity, int) else before.uidvalidity,
        )
    return result


def _codes(answer: Answer) -> Iterable[ResponseCode]:
    codes = [event.code for event in answer.of(UntaggedStatus)] + [answer.completed.code]
    return [code for code in codes if code is not None]


def _pairs(code: ResponseCode, uids: UIDSet) -> dict[int, int]:
    """The new UID of each of *uids* that COPYUID names; its ranges may be of any length."""
    return {
        uid: uid - old + new
        for old, new, count in code.copied
        for uid in UIDSet([(old, old + count - 1)]) & uids
    }
