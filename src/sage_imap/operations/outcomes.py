"""The guide's results: a NO or BAD, or a missing extension, as a value instead of an exception.

A lost connection is an exception here too: whoever goes on after it must connect anew. Its
``partial`` is the result so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from sage_imap.errors import (
    CapabilityMissing,
    CommandRejected,
    IMAPError,
    LocalProtocolError,
    MessageUnreadable,
)
from sage_imap.models.email import EmailMessage
from sage_imap.models.message import MessageSet
from sage_imap.models.results import (
    AppendResult,
    FetchRow,
    MessageFailure,
    MoveResult,
    OperationResult,
    StoreResult,
)
from sage_imap.operations import fetching, folders, messages, moving
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Session
from sage_imap.protocol.arguments import several_flags
from sage_imap.protocol.commands import StoreMode
from sage_imap.protocol.events import ParseFailure
from sage_imap.protocol.sets import UIDSet

__all__ = ["appended", "copied", "deleted", "expunged", "fetched", "moved", "outcome", "stored"]

P = ParamSpec("P")
T = TypeVar("T")
Rows = list[FetchRow | ParseFailure]


def outcome(
    session: Session,
    operation: Callable[Concatenate[Session, P], Operation[T]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Operation[OperationResult[T]]:
    """What *operation* returned, or the server's refusal, as a result."""
    try:
        value = yield from operation(session, *args, **kwargs)
    except (CommandRejected, CapabilityMissing) as error:
        return OperationResult(success=False, error=error)
    return OperationResult(success=True, value=value)


def appended(
    session: Session,
    mailbox: str,
    data: bytes | bytearray | memoryview,
    *,
    flags: str | Iterable[str] = (),
    date: datetime | None = None,
) -> Operation[OperationResult[AppendResult]]:
    """Add a message; ``messages`` has its UID in *mailbox*, where the server tells it."""
    adding = messages.append(session, mailbox, data, flags=flags, date=date)
    result: OperationResult[AppendResult] = OperationResult(success=True)
    yield from _conduct(result, adding, _enter_appended)
    if result.error is not None:
        result.failures = [MessageFailure(None, result.error)]
    return result


def fetched(
    session: Session, message_set: MessageSet, items: str | Iterable[str]
) -> Operation[OperationResult[Rows]]:
    """Rows, and the messages among them under ``metadata["fetched_messages"]``.

    A row that could not be understood is in ``metadata["failures"]``.
    """
    result: OperationResult[Rows] = _begun(session, message_set, "FETCH")
    _enter_rows(result, [])
    with _reported(result, _enter_rows):
        conversation = _fetch_there(session, result, message_set, items)
        yield from _conduct(result, conversation, _enter_rows)
    return result


def _fetch_there(
    session: Session, result: OperationResult[Rows], message_set: MessageSet, items: Iterable[str]
) -> Operation[Rows]:
    stream = yield from fetching.open_stream(session, message_set, items)
    result.absent = stream.absent
    return (yield from fetching.read_all(session, stream))


def stored(
    session: Session, message_set: MessageSet, flags: str | Iterable[str], mode: StoreMode
) -> Operation[OperationResult[StoreResult]]:
    """Change flags; ``messages`` are those that have them now.

    Servers need not tell of a message whose flags stay as they were, so that those of which nothing
    was told are looked for.
    """
    wanted = several_flags(flags)
    enter = partial(_enter_stored, holds=_holder(wanted, mode))
    result: OperationResult[StoreResult] = _begun(session, message_set, "STORE")
    with _reported(result, enter):
        conversation = _store_known(session, result, message_set, wanted, mode)
        yield from _conduct(result, conversation, enter)
    told = result.value
    untold = told.accepted - UIDSet.of(told.flags) if told is not None else UIDSet()
    if untold:
        with _reported(result, lambda result, done: None):
            found = yield from outcome(session, messages.present, untold)
        result.messages |= found.value or UIDSet()
        if found.error is not None and result.success:
            result.success, result.error = False, found.error
    return result


def _store_known(
    session: Session,
    result: OperationResult[StoreResult],
    message_set: MessageSet,
    flags: tuple[str, ...],
    mode: StoreMode,
) -> Operation[StoreResult]:
    """STORE to UIDs that are known, lest nobody can tell which were not told of."""
    messages.check_storable(session, message_set, flags, mode)
    if message_set.is_open and session.mailbox is not None:
        found = yield from messages.present(session, str(message_set))
        message_set = MessageSet(found, session.mailbox.name, session.mailbox.uidvalidity)
    else:
        message_set = yield from _there(session, result, message_set)
    return (yield from messages.store(session, message_set, flags, mode=mode))


def moved(
    session: Session, message_set: MessageSet, mailbox: str, *, create: bool
) -> Operation[OperationResult[MoveResult]]:
    """Move; ``messages`` are those that really moved. For none of them no folder is made.

    Those that were copied and not removed, or may have been, are ``unsettled``.
    """

    def to_folder(result: OperationResult[MoveResult]) -> Operation[MoveResult]:
        moving.check_movable(session, message_set)
        there = yield from _there(session, result, message_set)
        if not there:
            return MoveResult()
        name = yield from folders.folder_for(session, mailbox, create_missing=create)
        return (yield from moving.move(session, there, name))

    return (yield from _transferred(session, message_set, "MOVE", to_folder))


def copied(
    session: Session, message_set: MessageSet, mailbox: str, *, create: bool
) -> Operation[OperationResult[MoveResult]]:
    """Copy; ``messages`` are those that really were copied, ``unsettled`` those that may be."""

    def to_folder(result: OperationResult[MoveResult]) -> Operation[MoveResult]:
        there = yield from _there(session, result, message_set)
        if not there:
            return MoveResult()
        name = yield from folders.folder_for(session, mailbox, create_missing=create)
        return (yield from moving.copy(session, there, name))

    return (yield from _transferred(session, message_set, "COPY", to_folder))


def expunged(session: Session, message_set: MessageSet) -> Operation[OperationResult[None]]:
    """Remove what is flagged ``\\Deleted`` among the messages, and nothing else."""
    return (yield from _removed(session, message_set, messages.expunge_flagged))


def deleted(session: Session, message_set: MessageSet) -> Operation[OperationResult[None]]:
    """Flag the messages as deleted and remove them; nothing is flagged without UIDPLUS."""
    return (yield from _removed(session, message_set, messages.delete))


def _transferred(
    session: Session,
    message_set: MessageSet,
    what: str,
    transfer: Callable[[OperationResult[MoveResult]], Operation[MoveResult]],
) -> Operation[OperationResult[MoveResult]]:
    result: OperationResult[MoveResult] = _begun(session, message_set, what)
    with _reported(result, _enter_transferred):
        yield from _conduct(result, transfer(result), _enter_transferred)
    return result


def _removed(
    session: Session,
    message_set: MessageSet,
    remove: Callable[[Session, MessageSet], Operation[UIDSet]],
) -> Operation[OperationResult[None]]:
    result: OperationResult[None] = _begun(session, message_set, "EXPUNGE")

    def remove_there() -> Operation[UIDSet]:
        messages.check_expungeable(session, message_set)
        there = yield from _there(session, result, message_set)
        return (yield from remove(session, there))

    with _reported(result, _enter_removed):
        yield from _conduct(result, remove_there(), _enter_removed)
    return result


def _begun(session: Session, message_set: MessageSet, what: str) -> OperationResult[Any]:
    """The result to be filled, once *message_set* is certain to be of the selected mailbox."""
    session.uids_for(message_set, what)
    return OperationResult(True, asked=None if message_set.is_open else message_set)


def _there(
    session: Session, result: OperationResult[Any], message_set: MessageSet
) -> Operation[MessageSet]:
    """The set `messages.narrowed` to what is there; what that leaves out is entered."""
    there = yield from messages.narrowed(session, message_set)
    result.absent = messages.absent(message_set, there)
    return there


Enter = Callable[[OperationResult[Any], Any], None]
"""Writes into a result what was done, in the type of the plain method's result."""


def _conduct(
    result: OperationResult[T], conversation: Operation[Any], enter: Enter
) -> Operation[None]:
    """Carry *conversation* out and enter what it did, also where the server refuses the rest."""
    try:
        enter(result, (yield from conversation))
    except (CommandRejected, CapabilityMissing) as error:
        _fail(result, error, enter)


@contextmanager
def _reported(result: OperationResult[T], enter: Enter) -> Iterator[None]:
    """Whatever ends the work has *result* as its ``partial``, with what was done before it.

    But for what was found before anything was sent.
    """
    try:
        yield
    except LocalProtocolError:
        raise
    except IMAPError as error:
        _fail(result, error, enter)
        error.partial = result
        raise


def _fail(result: OperationResult[T], error: IMAPError, enter: Enter) -> None:
    result.success, result.error = False, error
    if error.partial is not None:
        enter(result, error.partial)


def _enter_rows(result: OperationResult[Rows], rows: Rows) -> None:
    whole = [row for row in rows if isinstance(row, FetchRow)]
    unread = [row for row in rows if isinstance(row, ParseFailure)]
    result.value = rows
    result.messages = UIDSet.of(row.uid for row in whole)
    result.failures = [MessageFailure(row.uid, MessageUnreadable(row.reason)) for row in unread]
    result.metadata["fetched_messages"] = _messages(whole)
    result.metadata["failures"] = unread


def _enter_stored(
    result: OperationResult[StoreResult],
    done: StoreResult,
    *,
    holds: Callable[[tuple[str, ...]], bool],
) -> None:
    result.value = done
    result.messages = UIDSet.of(uid for uid, flags in done.flags.items() if holds(flags))
    result.messages -= done.modified


def _enter_transferred(result: OperationResult[MoveResult], done: MoveResult) -> None:
    result.value = done
    result.messages = done.source
    result.unsettled = done.duplicated | done.in_doubt


def _enter_appended(result: OperationResult[AppendResult], done: AppendResult | None) -> None:
    result.value = done
    if done is not None and done.uid is not None:
        result.messages = UIDSet.of([done.uid])
    elif done is not None:
        result.unnamed = 1


def _enter_removed(result: OperationResult[None], done: UIDSet) -> None:
    result.messages = done


def _holder(wanted: Iterable[str], mode: StoreMode) -> Callable[[tuple[str, ...]], bool]:
    """Says of a message's flags whether STORE had its effect; their case is free.

    A server may leave out what the mailbox cannot keep (RFC 9051 section 7.1, PERMANENTFLAGS), and
    \\Recent is not the client's to change.
    """
    asked = {flag.lower() for flag in wanted} - {"\\recent"}

    def holds(flags: tuple[str, ...]) -> bool:
        found = {flag.lower() for flag in flags} - {"\\recent"}
        if mode == "add":
            return asked <= found
        return asked.isdisjoint(found) if mode == "remove" else asked == found

    return holds


def _messages(rows: Iterable[FetchRow]) -> list[EmailMessage]:
    return [row.message() for row in rows if row.sections.get("") is not None]
