"""Fetches in flight: several batches on the wire, their rows kept until somebody takes them.

A `FetchStream` is state and no conversation, so that another command may run between two rows: it
reads what is in flight to its end, the rows wait here, and no more batches are sent until somebody
asks for rows again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from sage_imap.models.results import FetchRow
from sage_imap.protocol.command import Command
from sage_imap.protocol.events import (
    CommandCompleted,
    FetchReceived,
    Handle,
    ParseFailure,
)
from sage_imap.protocol.sets import UIDSet

__all__ = ["Batch", "FetchStream", "Large"]


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


class FetchStream:
    """The rows of one iteration.

    *plan* yields the steps when there is room for them, *items* are what it asks for; *wanted* are
    the keys of a row that was asked for, so that news about flags are told from rows.
    """

    def __init__(
        self,
        plan: Iterator[Batch | Large],
        wanted: frozenset[str],
        *,
        mailbox: str | None,
        uidvalidity: int | None,
        items: tuple[str, ...],
    ) -> None:
        self.items = items
        self.plan = plan
        self.rows: deque[FetchRow | ParseFailure] = deque()
        self.failure: CommandCompleted | None = None
        self.exhausted = False
        self._wanted = wanted
        self._mailbox = mailbox
        self._uidvalidity = uidvalidity
        # Dovecot may complete pipelined commands in another order than that of their sending.
        self._open: dict[Handle, Batch] = {}

    @property
    def in_flight(self) -> int:
        """The number of batches that were sent and are not complete."""
        return len(self._open)

    @property
    def octets_in_flight(self) -> int:
        """About how many octets they bring."""
        return sum(batch.octets for batch in self._open.values())

    def sent(self, handle: Handle, batch: Batch) -> None:
        """Take note that *batch* is on the wire."""
        self._open[handle] = batch

    def owns(self, handle: Handle) -> bool:
        """Whether *handle* is a batch in flight."""
        return handle in self._open

    def takes(self, event: FetchReceived | ParseFailure) -> bool:
        """Keep the event if it is a row of this stream; False where it is not."""
        if isinstance(event, ParseFailure):
            if event.response != "FETCH":
                return False
            self.rows.append(event)
            return True
        uid = event.items.get("UID")
        if not isinstance(uid, int) or not self._expects(uid):
            return False
        if not self._wanted <= event.items.keys():
            return False
        self.rows.append(row_of(event, uid, self._mailbox, self._uidvalidity))
        return True

    def _expects(self, uid: int) -> bool:
        return any(batch.uids is None or uid in batch.uids for batch in self._open.values())

    def complete(self, event: CommandCompleted) -> None:
        """Take note that a batch is over."""
        del self._open[event.handle]
        if event.status.value != "OK" and self.failure is None:
            self.failure = event


def row_of(
    event: FetchReceived, uid: int, mailbox: str | None, uidvalidity: int | None
) -> FetchRow:
    """The event as a row."""
    items = event.items
    row = FetchRow(uid, event.seq, mailbox=mailbox, uidvalidity=uidvalidity)
    for key, value in items.items():
        name = _FIELDS.get(key)
        if name is not None:
            setattr(row, name, value)
        elif key.endswith("]") and key.startswith(("BODY[", "BINARY[")):
            row.sections[key[key.index("[") + 1 : -1]] = value  # type: ignore[assignment]  # the grammar gives octets or None here
        elif key.startswith("BODY["):
            row.sections[key[5:].replace("]", "", 1)] = value  # type: ignore[assignment]  # as above, with "<origin>"
    return row


_FIELDS = {
    "FLAGS": "flags",
    "INTERNALDATE": "internaldate",
    "RFC822.SIZE": "size",
    "MODSEQ": "modseq",
    "ENVELOPE": "envelope",
    "BODY": "structure",
    "BODYSTRUCTURE": "structure",
}
