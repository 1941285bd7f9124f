"""The guide's results: a NO or BAD, or a missing extension, as a value instead of an exception.

A lost connection is an exception here too: whoever goes on after it must connect anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar

from sage_imap.errors import CapabilityMissing, CommandRejected, MessageUnreadable
from sage_imap.models.email import EmailMessage
from sage_imap.models.message import MessageSet
from sage_imap.models.results import (
    FetchRow,
    MessageFailure,
    MoveResult,
    OperationResult,
    StoreResult,
)
from sage_imap.operations import fetching, folders, messages
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Session
from sage_imap.protocol.commands import StoreMode
from sage_imap.protocol.events import ParseFailure
from sage_imap.protocol.sets import UIDSet

__all__ = ["copied", "deleted", "expunged", "fetched", "moved", "outcome", "stored"]

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


def fetched(
    session: Session, message_set: MessageSet, items: Iterable[str]
) -> Operation[OperationResult[Rows]]:
    """Rows, and the messages among them under ``metadata["fetched_messages"]``.

    A row that could not be understood is in ``metadata["failures"]``.
    """
    result = yield from _about(message_set, outcome(session, fetching.fetch, message_set, items))
    rows = result.value or []
    if result.error is not None and isinstance(result.error.partial, list):
        rows = result.error.partial
    whole = [row for row in rows if isinstance(row, FetchRow)]
    unread = [row for row in rows if isinstance(row, ParseFailure)]
    result.messages = UIDSet.of(row.uid for row in whole)
    result.failures = [MessageFailure(row.uid, MessageUnreadable(row.reason)) for row in unread]
    result.metadata["fetched_messages"] = _messages(whole)
    result.metadata["failures"] = unread
    return result


def stored(
    session: Session, message_set: MessageSet, flags: Iterable[str], mode: StoreMode
) -> Operation[OperationResult[StoreResult]]:
    """Change flags; ``messages`` are those that have them now.

    Servers need not tell of a message whose flags stay as they were, so that those of which nothing
    was told are looked for.
    """
    conversation = outcome(session, messages.store, message_set, flags, mode=mode)
    result = yield from _about(message_set, conversation)
    told = result.value
    if told is None and result.error is not None and isinstance(result.error.partial, StoreResult):
        told = result.error.partial
    if told is not None:
        result.messages = UIDSet.of(told.flags)
    if result.value is not None and not message_set.is_open:
        untold = message_set.uids - result.messages - result.value.modified
        if untold:
            result.messages |= yield from messages.present(session, untold)
    return result


def moved(
    session: Session, message_set: MessageSet, mailbox: str, *, create: bool
) -> Operation[OperationResult[MoveResult]]:
    """Move; ``messages`` are those that really moved."""

    def to_folder(session: Session) -> Operation[MoveResult]:
        messages.check_movable(session, message_set)
        name = yield from folders.folder_for(session, mailbox, create_missing=create)
        return (yield from messages.move(session, message_set, name))

    return (yield from _transferred(message_set, outcome(session, to_folder)))


def copied(
    session: Session, message_set: MessageSet, mailbox: str, *, create: bool
) -> Operation[OperationResult[MoveResult]]:
    """Copy; ``messages`` are those that really were copied."""

    def to_folder(session: Session) -> Operation[MoveResult]:
        session.uids_for(message_set, "COPY")
        name = yield from folders.folder_for(session, mailbox, create_missing=create)
        return (yield from messages.copy(session, message_set, name))

    return (yield from _transferred(message_set, outcome(session, to_folder)))


def expunged(session: Session, message_set: MessageSet) -> Operation[OperationResult[None]]:
    """Remove what is flagged ``\\Deleted`` among the messages, and nothing else."""
    return (yield from _removed(session, messages.expunge_flagged, message_set))


def deleted(session: Session, message_set: MessageSet) -> Operation[OperationResult[None]]:
    """Flag the messages as deleted and remove them; nothing is flagged without UIDPLUS."""
    return (yield from _removed(session, messages.delete, message_set))


def _transferred(
    message_set: MessageSet, conversation: Operation[OperationResult[MoveResult]]
) -> Operation[OperationResult[MoveResult]]:
    result = yield from _about(message_set, conversation)
    done = result.value
    if done is None and result.error is not None and isinstance(result.error.partial, MoveResult):
        done = result.error.partial
    if done is not None:
        result.messages = done.source
    return result


def _removed(
    session: Session,
    remove: Callable[[Session, MessageSet], Operation[UIDSet]],
    message_set: MessageSet,
) -> Operation[OperationResult[None]]:
    removal = yield from outcome(session, remove, message_set)
    result: OperationResult[None] = OperationResult(removal.success, error=removal.error)
    result.asked = _closed(message_set)
    result.messages = removal.value or UIDSet()
    return result


def _about(
    message_set: MessageSet, conversation: Operation[OperationResult[T]]
) -> Operation[OperationResult[T]]:
    result = yield from conversation
    result.asked = _closed(message_set)
    return result


def _closed(message_set: MessageSet) -> MessageSet | None:
    return None if message_set.is_open else message_set


def _messages(rows: Iterable[FetchRow]) -> list[EmailMessage]:
    return [row.message() for row in rows if row.sections.get("") is not None]
