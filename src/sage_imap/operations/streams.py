"""Fetches in flight: several batches on the wire, their rows kept until somebody takes them.

A `FetchStream` is state and no conversation, so that another command may run between two rows: it
reads what is in flight to its end, the rows wait here, and no more batches are sent until somebody
asks for rows again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sage_imap.errors import LimitExceeded, UIDValidityChanged
from sage_imap.models.results import FetchRow, SelectedMailbox
from sage_imap.operations.plans import Batch, Bounds, Plan, Step
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import (
    CommandCompleted,
    FetchReceived,
    Handle,
    ParseFailure,
    Status,
)
from sage_imap.protocol.sets import UIDSet

__all__ = ["FetchStream", "Row"]

Row = FetchRow | ParseFailure
_NOTHING: Final = (1, 0)
# Responses about a message that is asked for once: one, or a few with an item each, and its flags
# whenever another client changes them. A server that sends more fills memory.
_MOST_RESPONSES_EACH: Final = 8
_MORE_RESPONSES: Final = 1000
# What a server tells unasked about a message: its flags, with what CONDSTORE adds.
_UNASKED: Final = frozenset({"UID", "FLAGS", "MODSEQ"})


class FetchStream:
    """The rows of one iteration over messages of *mailbox*, on *connection* and on no other.

    *plan* gives the steps when there is room for them, *items* are what it asks for and *wanted*
    the names under which they come back. *absent* is the part of wide ranges that is not there.
    """

    def __init__(
        self,
        plan: Plan,
        wanted: frozenset[str],
        *,
        connection: Connection,
        mailbox: SelectedMailbox,
        items: tuple[str, ...],
        bounds: Bounds,
        absent: UIDSet,
    ) -> None:
        self.connection = connection
        self.absent = absent
        self.items = items
        self.bounds = bounds
        self.rows: deque[Row] = deque()
        self.failure: CommandCompleted | None = None
        self.void: UIDValidityChanged | None = None
        """Why no row can be told any more: the UIDs that were asked for mean other messages."""
        self.mailbox = mailbox
        self._plan = plan
        self._peeked: Step | None = None
        self._wanted = wanted
        self._telling = wanted - _UNASKED
        self._asked = wanted - {"UID"}
        # Servers may tell of a message in several responses (RFC 9051 section 7.5.2).
        self._partial: dict[int, FetchRow] = {}
        self._missing: dict[int, frozenset[str]] = {}
        # What came whole of the batches in flight, and what was but named, as news name it.
        self._told: set[int] = set()
        self._named: dict[int, FetchReceived] = {}
        # Dovecot may complete pipelined commands in another order than that of their sending.
        self._open: dict[Handle, Batch] = {}
        self._expected = _NOTHING
        self._asking: Batch | None = None  # the batch that expects them
        self._room = _MORE_RESPONSES
        self.begun = 0
        """`Session.received` when a batch was sent or completed last."""

    @property
    def is_open(self) -> bool:
        """Whether the server alone knows how many rows come."""
        return any(batch.uids is None for batch in self._open.values())

    @property
    def in_flight(self) -> int:
        """The number of batches that were sent and are not complete."""
        return len(self._open)

    @property
    def has_room(self) -> bool:
        """Whether another batch may be sent."""
        if not self._open:
            return not self.rows
        octets = sum(batch.octets for batch in self._open.values())
        bounds = self.bounds
        return len(self._open) < bounds.batches and octets < (bounds.batches - 1) * bounds.batch

    def peek(self) -> Step | None:
        """The next step of the plan; None at its end, or where it waits for what is in flight."""
        if self._peeked is None:
            self._peeked = self._plan.step()
        return self._peeked

    def advance(self) -> None:
        """Take note that the step that `peek` gave is being carried out."""
        self._peeked = None

    def sent(self, handle: Handle, batch: Batch) -> None:
        """Take note that *batch* is on the wire."""
        self._open[handle] = batch
        count = self.mailbox.exists if batch.uids is None else len(batch.uids)
        self._room += count * _MOST_RESPONSES_EACH

    def owns(self, handle: Handle) -> bool:
        """Whether *handle* is a batch in flight."""
        return handle in self._open

    def takes(self, event: FetchReceived | ParseFailure) -> bool:
        """Keep the event if it is of this stream; False where it is news.

        Raises `LimitExceeded` where there are many more of them than were asked for.
        """
        if isinstance(event, ParseFailure):
            if event.response != "FETCH":
                return False
            self._count()
            self._fail(event)
            return True
        items = event.items
        uid = items.get("UID")
        if not isinstance(uid, int) or (batch := self._batch_of(uid)) is None:
            return False
        if self.void is not None:
            return True  # it may be of another message; the iteration ends with the error
        self._count()
        if batch.weighing:
            return self._weigh(uid, items.get("RFC822.SIZE"), told=_is_size(items))
        if self._wanted <= items.keys():
            if batch.uids is not None:
                self._told.add(uid)
            self.rows.append(row_of(event, uid, self.mailbox))
            return True
        if self._telling.isdisjoint(items):
            return self._name(event, uid, batch)
        self._join(event, uid)
        return True

    def _fail(self, failure: ParseFailure) -> None:
        """Where a size cannot be understood the message may be: only its size is not known then."""
        batch = None if failure.uid is None else self._batch_of(failure.uid)
        if failure.uid is not None and batch is not None:
            if batch.weighing:
                self._weigh(failure.uid, None, told=True)
                return
            if batch.uids is not None:
                self._told.add(failure.uid)
        self.rows.append(failure)

    def _weigh(self, uid: int, size: object, *, told: bool) -> bool:
        """Pass a size on to the plan, if one was told; a message has one size."""
        if told and uid not in self._told:
            self._told.add(uid)
            self._plan.weigh(uid, size if isinstance(size, int) else None)
        return told

    def _name(self, event: FetchReceived, uid: int, batch: Batch) -> bool:
        """Keep what looks like news of a message, in case that nothing better comes of it.

        Whether it is no news at all is returned.
        """
        empty = event.items.keys() == {"UID"}
        if uid in self._partial:
            self._join(event, uid)
        elif batch.uids is not None and (empty or not self._asked.isdisjoint(event.items)):
            self._named[uid] = event
        return empty

    def _count(self) -> None:
        self._room -= 1
        if self._room < 0:
            raise LimitExceeded("the server sends rows again and again, many more than asked for")

    def _batch_of(self, uid: int) -> Batch | None:
        """The batch that asks for the message."""
        low, high = self._expected
        if low <= uid <= high:
            return self._asking
        for batch in self._open.values():
            if batch.uids is None:
                return batch
            if uid in batch.uids:
                self._asking, self._expected = batch, batch.uids.range_of(uid)
                return batch  # its neighbours come next
        return None

    def _join(self, event: FetchReceived, uid: int) -> None:
        """Put a row together whose items come in several responses."""
        row = self._partial.get(uid)
        missing = self._missing.get(uid, self._wanted) - event.items.keys()
        if row is None:
            row = self._partial[uid] = FetchRow(
                uid, mailbox=self.mailbox.name, uidvalidity=self.mailbox.uidvalidity
            )
            if uid in self._named:
                self._join(self._named.pop(uid), uid)
                missing = self._missing[uid] - event.items.keys()
        _fill(row, event)
        self._missing[uid] = missing
        if not missing:
            self._told.add(uid)
            self.rows.append(self._partial.pop(uid))
            del self._missing[uid]

    def complete(self, event: CommandCompleted) -> None:
        """Take note that a batch is over; rows of it that lack something are rows all the same."""
        batch = self._open.pop(event.handle)
        self._expected = _NOTHING
        if event.status is not Status.OK and self.failure is None:
            self.failure = event
        if batch.weighing:
            self._plan.weighed()
        for uid in _of(batch, self._partial):
            row = self._partial.pop(uid)
            del self._missing[uid]
            if uid not in self._told:
                self.rows.append(row)
        for uid in _of(batch, self._named):
            named = self._named.pop(uid)
            if uid not in self._told:
                self.rows.append(row_of(named, uid, self.mailbox))
        self._told.difference_update(batch.uids if batch.uids is not None else list(self._told))


def _is_size(items: Mapping[str, object]) -> bool:
    """Whether these are the answer about a size: news say more than a UID, and no size."""
    return "RFC822.SIZE" in items or items.keys() == {"UID"}


def _of(batch: Batch, uids: Iterable[int]) -> list[int]:
    return [uid for uid in uids if batch.uids is None or uid in batch.uids]


def row_of(event: FetchReceived, uid: int, mailbox: SelectedMailbox) -> FetchRow:
    """The event as a row."""
    items: dict[str, Any] = event.items
    get = items.get
    row = FetchRow(
        uid,
        event.seq,
        get("FLAGS"),
        get("INTERNALDATE"),
        get("RFC822.SIZE"),
        get("MODSEQ"),
        get("ENVELOPE"),
        mailbox=mailbox.name,
        uidvalidity=mailbox.uidvalidity,
    )
    if not items.keys() <= _USUAL:
        _fill(row, event)
    return row


def _fill(row: FetchRow, event: FetchReceived) -> None:
    row.seq = event.seq
    for key, value in event.items.items():
        name = _FIELDS.get(key)
        if name is not None:
            setattr(row, name, value)
        elif key != "UID":
            _put(row, key, value)


def _put(row: FetchRow, key: str, value: object) -> None:
    prefix, bracket, rest = key.partition("[")
    if bracket and prefix in ("BODY", "BINARY") and (value is None or isinstance(value, bytes)):
        section, _, origin = rest.rpartition("]")
        row.sections[section + origin] = value
        return
    if row.extras is None:
        row.extras = {}
    row.extras[key] = value


_FIELDS: Final = {
    "FLAGS": "flags",
    "INTERNALDATE": "internaldate",
    "RFC822.SIZE": "size",
    "MODSEQ": "modseq",
    "ENVELOPE": "envelope",
    "BODY": "structure",
    "BODYSTRUCTURE": "structure",
}
_USUAL: Final = {"UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "MODSEQ", "ENVELOPE"}
