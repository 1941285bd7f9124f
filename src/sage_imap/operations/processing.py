"""Handing messages to a handler, batch by batch, and keeping count of what became of each.

The shells call the handler, because it is the caller's code and may be a coroutine; what is
fetched, what counts as done and what is reported stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sage_imap.errors import (
    BatchFailed,
    CommandRejected,
    LocalProtocolError,
    MessageGone,
    MessageUnreadable,
)
from sage_imap.helpers.enums import MessagePart
from sage_imap.models.email import EmailMessage
from sage_imap.models.message import MessageSet
from sage_imap.models.results import FetchRow, MessageFailure, OperationResult
from sage_imap.operations.effects import Operation
from sage_imap.operations.messages import search
from sage_imap.operations.session import Session
from sage_imap.protocol.events import ParseFailure
from sage_imap.protocol.sets import UIDSet

__all__ = ["ITEMS", "Tally", "prepare"]

ITEMS: Final = (MessagePart.FLAGS, MessagePart.INTERNALDATE, MessagePart.RFC822)


class Tally:
    """What became of the messages of *asked*: processed, or failed with a reason."""

    def __init__(self, asked: MessageSet) -> None:
        self.asked = asked
        self.refusal: CommandRejected | None = None
        """The NO to a fetch, which is why messages that did not come did not."""
        self._known: set[int] = set()
        self._done: list[int] = []
        self._failures: list[MessageFailure] = []

    def batches(self, size: int) -> Iterator[MessageSet]:
        """The messages in sets of at most *size*."""
        return self.asked.iter_batches(size)

    def message(self, row: FetchRow | ParseFailure) -> EmailMessage:
        """The message of *row*; raises `MessageUnreadable`."""
        if isinstance(row, ParseFailure):
            raise MessageUnreadable(row.reason)
        if row.sections.get("") is None:
            raise MessageUnreadable("the server sent no text of it")
        return row.message()

    def knows(self, row: FetchRow | ParseFailure) -> bool:
        """Whether the message of *row* was processed or has failed: servers may send it twice."""
        return row.uid is not None and row.uid in self._known

    def only(self, row: FetchRow | ParseFailure) -> MessageSet:
        """The message of *row* alone, for a command."""
        assert row.uid is not None
        return MessageSet.from_uids([row.uid], self.asked.mailbox, self.asked.uidvalidity)

    def succeeded(self, row: FetchRow | ParseFailure) -> None:
        """Take note that the message of *row* was processed."""
        assert row.uid is not None
        self._known.add(row.uid)
        self._done.append(row.uid)

    def failed(self, row: FetchRow | ParseFailure, error: Exception) -> None:
        """Take note that the message of *row* was not, and why."""
        if row.uid is not None:
            self._known.add(row.uid)
        self._failures.append(MessageFailure(row.uid, error))

    def result(self, aborted: Exception | None = None) -> OperationResult[None]:
        """The books: every message that was asked for is done or has a failure.

        *aborted* is why the run has ended early: then nothing is known of what did not come.
        """
        done = UIDSet.of(self._done)
        told = UIDSet.of(failure.uid for failure in self._failures if failure.uid is not None)
        unnamed = sum(failure.uid is None for failure in self._failures)
        # A row whose UID could not be read is one of those that did not come.
        missing = list(self.asked.uids - done - told)[unnamed:]
        why = aborted or self.refusal or MessageGone("it is not in the mailbox any more")
        gone = [MessageFailure(uid, why) for uid in missing]
        result: OperationResult[None] = OperationResult(success=True, messages=done)
        result.asked = self.asked
        result.failures = self._failures + gone
        if result.failures:
            result.success = False
            result.error = BatchFailed(
                len(result.failures), len(self.asked), result.failures[0].error
            )
        return result


def prepare(session: Session, message_set: MessageSet, *, mark_seen: bool) -> Operation[Tally]:
    """The tally for *message_set*, whose UIDs are searched for where the set is open.

    Raises `LocalProtocolError` where messages are to be marked in a mailbox that is selected
    read-only; no handler was called then.
    """
    session.uids_for(message_set, "processing")
    mailbox = session.mailbox
    assert mailbox is not None
    if mark_seen and mailbox.read_only:
        raise LocalProtocolError(
            "the mailbox is selected read-only, so that no message can be marked as seen; "
            "nothing was processed"
        )
    if message_set.is_open:
        message_set = yield from search(session, f"UID {message_set}")
    return Tally(MessageSet(message_set.uids, mailbox.name, mailbox.uidvalidity))
