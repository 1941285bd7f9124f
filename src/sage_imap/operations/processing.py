"""Handing messages to a handler, batch by batch, and keeping count of what became of each.

The shells call the handler, because it is the caller's code and may be a coroutine; what is
fetched, what counts as done and what is reported stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NoReturn

from sage_imap.errors import (
    BatchFailed,
    CommandRejected,
    ConnectionLost,
    IMAPError,
    LocalProtocolError,
    MailboxMismatch,
    MarkFailed,
    MessageGone,
    MessageUnreadable,
)
from sage_imap.helpers.enums import Flag, MessagePart
from sage_imap.models.email import EmailMessage
from sage_imap.models.message import MessageSet
from sage_imap.models.results import FetchRow, MessageFailure, OperationResult, SelectedMailbox
from sage_imap.operations.effects import Operation
from sage_imap.operations.messages import absent, narrowed, present, store
from sage_imap.operations.searching import search
from sage_imap.operations.session import Session
from sage_imap.protocol.events import ParseFailure
from sage_imap.protocol.sets import UIDSet

__all__ = ["ITEMS", "Tally", "conclude", "finish", "interrupt", "prepare"]

ITEMS: Final = (MessagePart.FLAGS, MessagePart.INTERNALDATE, MessagePart.RFC822)


class Tally:
    """What became of the messages of *asked*: processed, or failed with a reason.

    A message is processed once its handler has returned and, with *mark_seen*, it is marked. Those
    that are worth a fetch are *there*.
    """

    def __init__(self, asked: MessageSet, *, there: MessageSet, mark_seen: bool) -> None:
        self.asked = asked
        self._there = there
        self._absent = absent(asked, there)
        self.mark_seen = mark_seen
        self.refusal: CommandRejected | None = None
        """The NO to a fetch, which is why messages that did not come did not."""
        self.present = UIDSet()
        """Those that did not come although the mailbox has them."""
        self._known: set[int] = set()
        self._handled: list[int] = []
        self._done: list[int] = []
        self._failures: list[MessageFailure] = []

    def batches(self, size: int) -> Iterator[MessageSet]:
        """The messages in sets of at most *size*."""
        return self._there.iter_batches(size)

    def message(self, row: FetchRow | ParseFailure) -> EmailMessage:
        """The message of *row*; raises `MessageUnreadable`."""
        if isinstance(row, ParseFailure):
            raise MessageUnreadable(row.reason)
        return row.message()

    def skips(self, row: FetchRow | ParseFailure) -> bool:
        """Whether *row* is none to handle: without a text, or of a message that came before.

        Servers may send a message twice; one without a text may be gone, see `finish`.
        """
        if isinstance(row, FetchRow) and row.sections.get("") is None:
            return True
        return row.uid is not None and row.uid in self._known

    def check_selected(self, mailbox: SelectedMailbox | None) -> None:
        """Raise `MailboxMismatch` where a handler left *mailbox* selected and it is another one.

        Also where it is selected read-only and messages are to be marked.
        """
        if mailbox is None or not self.asked.matches(mailbox.name, mailbox.uidvalidity):
            what = "another mailbox, or none,"
        elif self.mark_seen and mailbox.read_only:
            what = "the mailbox read-only, in which nothing can be marked,"
        else:
            return
        raise MailboxMismatch(
            f"a handler left {what} selected, so that the rest of the messages was neither fetched "
            "nor marked: select their mailbox and process what is untouched in this error's partial"
        )

    def only(self, row: FetchRow | ParseFailure) -> MessageSet:
        """The message of *row* alone, for a command."""
        assert row.uid is not None
        uids = UIDSet.of([row.uid])
        return MessageSet(uids, self.asked.mailbox, self.asked.uidvalidity)

    def handled(self, row: FetchRow | ParseFailure) -> None:
        """Take note that the handler returned; the message is to be concluded."""
        assert row.uid is not None
        self._known.add(row.uid)
        self._handled.append(row.uid)

    def succeeded(self, row: FetchRow | ParseFailure) -> None:
        """Take note that the message of *row* was processed."""
        assert row.uid is not None
        self._done.append(row.uid)

    def failed(self, row: FetchRow | ParseFailure, error: Exception) -> None:
        """Take note that the message of *row* was not, and why."""
        if row.uid is not None:
            self._known.add(row.uid)
        self._failures.append(MessageFailure(row.uid, error))

    @property
    def missing(self) -> UIDSet:
        """Those that were neither processed nor failed: of which nothing came, or no text."""
        return self._books()[1]

    @property
    def _wanted(self) -> UIDSet:
        return self.asked.uids - self._absent

    def _books(self) -> tuple[UIDSet, UIDSet]:
        """Those between a handler's return and the mark, and those that did not come."""
        told = UIDSet.of(failure.uid for failure in self._failures if failure.uid is not None)
        unnamed = sum(failure.uid is None for failure in self._failures)
        over = UIDSet.of(self._done) | told
        unmarked = UIDSet.of(self._handled) - over
        # A row whose UID could not be read is one of those that did not come.
        return unmarked, UIDSet.of(list(self._wanted - over - unmarked)[unnamed:])

    def _why_missing(self, uid: int) -> Exception:
        if self.refusal is not None:
            return self.refusal
        if uid in self.present:
            return MessageUnreadable("the server sent no text of it, although it has the message")
        return MessageGone("it is not in the mailbox any more")

    def result(self, aborted: Exception | None = None) -> OperationResult[None]:
        """The books: every message that was asked for is done or has a failure.

        *aborted* is why the run has ended early: then nothing is known of what did not come.
        """
        unmarked, missing = self._books()
        failures = list(self._failures)
        if unmarked:  # the run ended between a handler's return and the mark
            why = aborted or self.refusal or MessageGone("it is not in the mailbox any more")
            failures += [MessageFailure(uid, MarkFailed(why)) for uid in unmarked]
        failures += [MessageFailure(uid, aborted or self._why_missing(uid)) for uid in missing]
        done = UIDSet.of(self._done)
        result: OperationResult[None] = OperationResult(success=True, messages=done)
        result.asked, result.absent = self.asked, self._absent
        result.failures = failures
        if result.failures:
            result.success = False
            result.error = BatchFailed(
                len(result.failures),
                len(self._wanted),
                result.failures[0].error,
                unmarked=len(result.unmarked),
            )
        return result


def prepare(
    session: Session, message_set: MessageSet, handler: object, *, mark_seen: bool
) -> Operation[Tally]:
    """The tally for *message_set*; what is there is searched for where it is open or far too wide.

    Raises `LocalProtocolError` where *handler* cannot be called, and where messages are to be
    marked in a mailbox that is selected read-only; nothing was fetched then.
    """
    session.uids_for(message_set, "processing")
    if not callable(handler):
        raise LocalProtocolError(
            f"the handler is a function that takes a message, not {type(handler).__name__}; "
            "nothing was fetched"
        )
    mailbox = session.mailbox
    assert mailbox is not None
    if mark_seen and mailbox.read_only:
        raise LocalProtocolError(
            "the mailbox is selected read-only, so that no message can be marked as seen; "
            "nothing was processed"
        )
    if message_set.is_open:
        message_set = yield from search(session, f"UID {message_set}")
    asked = MessageSet(message_set.uids, mailbox.name, mailbox.uidvalidity)
    there = yield from narrowed(session, asked)
    return Tally(asked, there=there, mark_seen=mark_seen)


def conclude(session: Session, tally: Tally, row: FetchRow | ParseFailure) -> Operation[None]:
    """Mark the message of *row*, whose handler has returned, and take note of it.

    A refusal is of this message alone; whatever else prevents the mark is raised.
    """
    if tally.mark_seen:
        try:
            tally.check_selected(session.mailbox)
            yield from store(session, tally.only(row), [Flag.SEEN])
        except CommandRejected as error:
            tally.failed(row, MarkFailed(error))
            return
    tally.succeeded(row)


def finish(session: Session, tally: Tally) -> Operation[OperationResult[None]]:
    """The result; of messages that did not come it is looked up whether the mailbox has them.

    Raises `MailboxMismatch` where the last handler left another mailbox selected.
    """
    if tally.refusal is None and (missing := tally.missing):
        tally.check_selected(session.mailbox)
        try:
            tally.present = yield from present(session, missing)
        except CommandRejected as error:
            tally.refusal = error
    return tally.result()


def interrupt(error: Exception) -> NoReturn:
    """Raise what to tell where *error* left a handler and the connection is gone as well."""
    if isinstance(error, IMAPError):
        raise error
    raise ConnectionLost("the connection ended while a message was being processed") from error
