"""The guide's results: a NO or BAD, or a missing extension, as a value instead of an exception.

A lost connection is an exception here too: whoever goes on after it must connect anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar

from sage_imap.errors import CapabilityMissing, CommandRejected
from sage_imap.models.email import EmailMessage
from sage_imap.models.message import MessageSet
from sage_imap.models.results import FetchRow, MoveResult, OperationResult, StoreResult
from sage_imap.operations import fetching, messages
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
    result = yield from outcome(session, fetching.fetch, message_set, items)
    rows = result.value or []
    whole = [row for row in rows if isinstance(row, FetchRow)]
    result.messages = UIDSet.of(row.uid for row in whole)
    result.metadata["fetched_messages"] = _messages(whole)
    result.metadata["failures"] = [row for row in rows if isinstance(row, ParseFailure)]
    return result


def stored(
    session: Session, message_set: MessageSet, flags: Iterable[str], mode: StoreMode
) -> Operation[OperationResult[StoreResult]]:
    """Change flags; ``messages`` are those whose flags the server told."""
    result = yield from outcome(session, messages.store, message_set, flags, mode=mode)
    if result.value is not None:
        result.messages = UIDSet.of(result.value.flags)
    return result


def moved(
    session: Session, message_set: MessageSet, mailbox: str
) -> Operation[OperationResult[MoveResult]]:
    """Move; ``messages`` are those that really moved."""
    return _transferred((yield from outcome(session, messages.move, message_set, mailbox)))


def copied(
    session: Session, message_set: MessageSet, mailbox: str
) -> Operation[OperationResult[MoveResult]]:
    """Copy; ``messages`` are those that really were copied."""
    return _transferred((yield from outcome(session, messages.copy, message_set, mailbox)))


def expunged(session: Session, message_set: MessageSet) -> Operation[OperationResult[None]]:
    """Remove what is flagged ``\\Deleted`` among the messages, and nothing else."""
    return (yield from outcome(session, messages.expunge, message_set))


def deleted(session: Session, message_set: MessageSet) -> Operation[OperationResult[None]]:
    """Flag the messages as deleted and remove them; nothing is flagged without UIDPLUS."""
    return (yield from outcome(session, _delete, message_set))


def _delete(session: Session, message_set: MessageSet) -> Operation[None]:
    if not session.offers("UIDPLUS"):
        raise CapabilityMissing("UIDPLUS", "an EXPUNGE that touches no other message")
    yield from messages.store(session, message_set, ["\\Deleted"])
    yield from messages.expunge(session, message_set)


def _transferred(result: OperationResult[MoveResult]) -> OperationResult[MoveResult]:
    if result.value is not None:
        result.messages = result.value.source
    return result


def _messages(rows: Iterable[FetchRow]) -> list[EmailMessage]:
    return [row.message() for row in rows if row.sections.get("") is not None]
