"""The guide's mailbox service: select and searches raise, ``uid_*`` return results."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from sage_imap.errors import CommandRejected, IMAPError, LocalProtocolError
from sage_imap.models.email import EmailMessage
from sage_imap.models.message import MessageSet
from sage_imap.models.results import (
    AppendResult,
    FetchRow,
    MailboxStatus,
    MoveResult,
    OperationResult,
    ParseFailure,
    SelectedMailbox,
    StoreResult,
)
from sage_imap.operations import mailboxes, outcomes, processing
from sage_imap.protocol.commands import StoreMode
from sage_imap.services.client import IMAPClient

__all__ = ["IMAPMailboxUIDService"]


class IMAPMailboxUIDService:
    """Messages of the selected mailbox, by UID."""

    def __init__(self, client: IMAPClient) -> None:
        self.client = client

    def select(self, name: str, *, readonly: bool = False) -> SelectedMailbox:
        """Select a mailbox; raises `MailboxNotFound` where there is none."""
        return self.client.select(name, readonly=readonly)

    def create_message_set_from_search(self, criteria: str | Iterable[str] = "ALL") -> MessageSet:
        """The messages that fit *criteria*, bound to the mailbox and its UIDVALIDITY."""
        return self.client.search(criteria)

    def uid_search(self, criteria: str | Iterable[str] = "ALL") -> MessageSet:
        """The same, under the command's name."""
        return self.client.search(criteria)

    def iter_fetch(
        self, message_set: MessageSet, items: str | Iterable[str]
    ) -> Iterator[FetchRow | ParseFailure]:
        """Rows as they come, fetched ahead within a bound; see `IMAPClient.iter_fetch`."""
        yield from self.client.iter_fetch(message_set, items)

    def uid_fetch(
        self, message_set: MessageSet, items: str | Iterable[str]
    ) -> OperationResult[list[FetchRow | ParseFailure]]:
        """Fetch; whole messages are in ``metadata["fetched_messages"]``."""
        return self.client.run(outcomes.fetched, message_set, items)

    def uid_store(
        self, message_set: MessageSet, flags: str | Iterable[str], *, mode: StoreMode = "add"
    ) -> OperationResult[StoreResult]:
        """Add, remove or replace flags."""
        return self.client.run(outcomes.stored, message_set, flags, mode)

    def uid_copy(
        self, message_set: MessageSet, mailbox: str, *, create: bool = True
    ) -> OperationResult[MoveResult]:
        """Copy messages to the folder *mailbox*; ``messages`` says which were copied.

        ``INBOX/Support`` is found however the server spells it, and made where it is missing.
        """
        return self.client.run(outcomes.copied, message_set, mailbox, create=create)

    def uid_move(
        self, message_set: MessageSet, mailbox: str, *, create: bool = True
    ) -> OperationResult[MoveResult]:
        """Move messages to the folder *mailbox*; ``messages`` says which were moved.

        ``INBOX/Support`` is found however the server spells it, and made where it is missing.
        """
        return self.client.run(outcomes.moved, message_set, mailbox, create=create)

    def uid_delete(self, message_set: MessageSet) -> OperationResult[None]:
        """Remove messages, and no other message than these."""
        return self.client.run(outcomes.deleted, message_set)

    def uid_expunge(self, message_set: MessageSet) -> OperationResult[None]:
        """Remove those that are flagged ``\\Deleted`` among the messages."""
        return self.client.run(outcomes.expunged, message_set)

    def process_messages_in_batches(
        self,
        message_set: MessageSet,
        handler: Callable[[EmailMessage], object],
        batch_size: int = 50,
        mark_seen: bool = True,  # noqa: FBT001, FBT002 - the guide's signature
    ) -> OperationResult[None]:
        """Fetch each message without marking it and hand it to *handler*.

        A message is marked as seen right after the handler returned, if *mark_seen* is true; where
        it raises, or the message cannot be read, it is left as it is and stands in ``failures``
        with its UID and the error; where only the mark failed, the error is `MarkFailed` and the
        message is in ``unmarked``. Memory is bounded by *batch_size* and by octets. The handler may
        use the same client. Raises `ConnectionLost`, and `MailboxMismatch` where a handler left
        another mailbox selected; their ``partial`` is the result so far.
        """
        tally = self.client.run(processing.prepare, message_set, handler, mark_seen=mark_seen)
        try:
            for batch in tally.batches(batch_size):
                self._process(tally, batch, handler)
            return self.client.run(processing.finish, tally)
        except IMAPError as error:
            error.partial = tally.result(error)
            raise

    def _process(
        self,
        tally: processing.Tally,
        batch: MessageSet,
        handler: Callable[[EmailMessage], object],
    ) -> None:
        try:
            for row in self.client.iter_fetch(batch, processing.ITEMS):
                if tally.skips(row):
                    continue
                tally.check_selected(self.client.mailbox)
                try:
                    outcome = handler(tally.message(row))
                except Exception as error:  # noqa: BLE001 - handlers raise anything
                    tally.failed(row, error)
                    if not self.client.connected:
                        processing.interrupt(error)
                else:
                    _refuse_awaitable(outcome)
                    tally.handled(row)
                    self.client.run(processing.conclude, tally, row)
        except CommandRejected as error:
            tally.refusal = error

    def append(
        self,
        mailbox: str,
        data: bytes | bytearray | memoryview,
        *,
        flags: str | Iterable[str] = (),
        date: datetime | None = None,
    ) -> OperationResult[AppendResult]:
        """Add a message to a mailbox; ``messages`` has its new UID, where the server tells it.

        *date*, which knows its offset from UTC, becomes the internal date.
        """
        return self.client.run(outcomes.appended, mailbox, data, flags=flags, date=date)

    def status(
        self, name: str, items: str | Iterable[str] | None = None
    ) -> OperationResult[MailboxStatus]:
        """Counters of a mailbox that need not be selected."""
        return self.client.run(outcomes.outcome, mailboxes.status, name, items)


def _refuse_awaitable(outcome: object) -> None:
    """Raise `LocalProtocolError` where a handler did nothing yet but wants to be awaited."""
    if inspect.isawaitable(outcome):
        if inspect.iscoroutine(outcome):
            outcome.close()
        raise LocalProtocolError(
            "the handler is a coroutine function, which the blocking client cannot await; nothing "
            "was marked: take the client of sage_imap.aio"
        )
