"""Fetches in flight: several batches on the wire, their rows kept until somebody takes them.

A `FetchStream` is state and no conversation, so that another command may run between two rows: it
reads what is in flight to its end, the rows wait here, and no more batches are sent until somebody
asks for rows again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sage_imap.errors import LimitExceeded, UIDValidityChanged
from sage_imap.models.results import FetchRow, SelectedMailbox
from sage_imap.protocol.command import Command
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import (
    CommandCompleted,
    FetchReceived,
    Handle,
    ParseFailure,
    Status,
)
from sage_imap.protocol.sets import UIDSet

__all__ = ["Batch", "Bounds", "FetchStream", "Large", "Row", "Step"]

Row = FetchRow | ParseFailure
_MIB: Final = 1024 * 1024
_NOTHING: Final = (1, 0)
# Responses about a message that is asked for once: one, or a few with an item each, and its flags
# whenever another client changes them. A server that sends more fills memory.
_MOST_RESPONSES_EACH: Final = 8
_MORE_RESPONSES: Final = 1000
# What a server tells unasked about a message: its flags, with what CONDSTORE adds.
_UNASKED: Final = frozenset({"UID", "FLAGS", "MODSEQ"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much of a fetch is asked for at once; octets, unless a name says otherwise."""

    messages: int = 400
    """Messages in a batch, a count: beyond a hundred nothing is gained, and four hundred keep a
    batch of envelopes below a megabyte."""

    batches: int = 3
    """Batches in flight, a count: one is being read, one is on the way, one is being made."""

    batch: int = 4 * _MIB
    """A batch of bodies, unless one message alone is larger."""

    large: int = 64 * _MIB
    """Above this, a message is read in slices."""

    slice: int = 4 * _MIB
    """One slice."""

    largest: int = 256 * _MIB
    """Above this, a message is not read whole; its parts can be, by BODYSTRUCTURE."""

    line: int = 7000
    """A set of UIDs as text; RFC 7162 section 4 speaks of 8,192 octets a line."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One UID FETCH: what it asks for, of which messages, and about how many octets it brings."""

    command: Command
    uids: UIDSet | None  # None: the server alone knows them ("7:*")
    octets: int


@dataclass(frozen=True, slots=True)
class Large:
    """A message that is read in slices."""

    uid: int
    size: int


Step = Batch | Large | ParseFailure
"""What comes next in a plan; a `ParseFailure` is passed on as it is."""


class FetchStream:
    """The rows of one iteration over messages of *mailbox*, on *connection* and on no other.

    *plan* yields the steps when there is room for them, *items* are what it asks for and *wanted*
    the names under which they come back.
    """

    def __init__(
        self,
        plan: Iterator[Step],
        wanted: frozenset[str],
        *,
        connection: Connection,
        mailbox: SelectedMailbox,
        items: tuple[str, ...],
        bounds: Bounds,
    ) -> None:
        self.connection = connection
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
        # Servers may tell of a message in several responses (RFC 9051 section 7.5.2).
        self._partial: dict[int, FetchRow] = {}
        self._missing: dict[int, frozenset[str]] = {}
        # Dovecot may complete pipelined commands in another order than that of their sending.
        self._open: dict[Handle, Batch] = {}
        self._expected = _NOTHING
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
        """The next step of the plan; None at its end."""
        if self._peeked is None:
            self._peeked = next(self._plan, None)
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
            self.rows.append(event)
            return True
        items = event.items
        uid = items.get("UID")
        if not isinstance(uid, int) or not self._expects(uid):
            return False
        if self.void is not None:
            return True  # it may be of another message; the iteration ends with the error
        self._count()
        if self._wanted <= items.keys():
            self.rows.append(row_of(event, uid, self.mailbox))
            return True
        if self._telling.isdisjoint(items):
            return False
        self._join(event, uid)
        return True

    def _count(self) -> None:
        self._room -= 1
        if self._room < 0:
            raise LimitExceeded("the server sends rows again and again, many more than asked for")

    def _expects(self, uid: int) -> bool:
        low, high = self._expected
        if low <= uid <= high:
            return True
        for batch in self._open.values():
            if batch.uids is None:
                return True
            if uid in batch.uids:
                self._expected = batch.uids.range_of(uid)  # its neighbours come next
                return True
        return False

    def _join(self, event: FetchReceived, uid: int) -> None:
        """Put a row together whose items come in several responses."""
        row = self._partial.get(uid)
        missing = self._missing.get(uid, self._wanted) - event.items.keys()
        if row is None:
            row = self._partial[uid] = FetchRow(
                uid, mailbox=self.mailbox.name, uidvalidity=self.mailbox.uidvalidity
            )
        _fill(row, event)
        self._missing[uid] = missing
        if not missing:
            self.rows.append(self._partial.pop(uid))
            del self._missing[uid]

    def complete(self, event: CommandCompleted) -> None:
        """Take note that a batch is over; rows of it that lack something are rows all the same."""
        batch = self._open.pop(event.handle)
        self._expected = _NOTHING
        if event.status is not Status.OK and self.failure is None:
            self.failure = event
        for uid in list(self._partial):
            if batch.uids is None or uid in batch.uids:
                self.rows.append(self._partial.pop(uid))
                del self._missing[uid]


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
