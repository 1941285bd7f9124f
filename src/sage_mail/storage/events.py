"""The events, numbered without a gap in the order in which they become visible."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, func, select

from sage_mail.records import EventRecord
from sage_mail.storage import tables
from sage_mail.storage.columns import JsonText, json_text, storable_text, utc
from sage_mail.storage.transaction import Transaction

if TYPE_CHECKING:
    from sage_mail.delivery.events import NewEvent

__all__ = ["Events", "event_record"]

_events = tables.events.c


class Events:
    """Repository of the events.

    The number comes from a row that stays locked until the transaction ends, so that no event
    becomes visible before one with a smaller number, and a number that is rolled back is given
    again. Transactions that append wait for each other from the first `append` on: append late.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def append(self, event: NewEvent) -> EventRecord:
        """Write the event and return it with its number, which holds if the transaction commits.

        Raises:
            TypeError: the data is no JSON.
            ValueError: the instant has no time zone.
        """
        data = json_text(event.data)
        seq = await self._transaction.next_seq()
        record = EventRecord(
            seq=seq,
            event_id=f"evt_{uuid.uuid4().hex}",
            type=str(event.type),
            account=storable_text(event.account),
            mailbox=None if event.mailbox is None else storable_text(event.mailbox),
            message_id=event.message_id,
            occurred_at=utc(event.occurred_at),
            data=data.value(),
        )
        self._transaction.collect(tables.events, _values(record, data))
        self._transaction.wake_others()
        return record

    async def after(
        self, seq: int, *, limit: int = 100, types: Collection[str] = ()
    ) -> list[EventRecord]:
        """The next events after the number, oldest first; of these types only, if any are given."""
        statement = select(tables.events).where(_events.seq > seq)
        if types:
            statement = statement.where(_events.type.in_(types))
        rows = await self._transaction.read(statement.order_by(_events.seq).limit(limit))
        return [event_record(row) for row in rows]

    async def get(self, seq: int) -> EventRecord | None:
        """The event of this number."""
        rows = await self._transaction.read(select(tables.events).where(_events.seq == seq))
        return event_record(rows[0]) if rows else None

    async def first_since(self, moment: datetime) -> int | None:
        """The number of the first event that is not older than the moment, None without one."""
        statement = select(func.min(_events.seq)).where(_events.occurred_at >= moment)
        rows = await self._transaction.read(statement)
        first: int | None = rows[0][0]
        return first

    async def for_message(self, message_id: int) -> list[EventRecord]:
        """All events of the message's row, oldest first."""
        statement = select(tables.events).where(_events.message_id == message_id)
        rows = await self._transaction.read(statement.order_by(_events.seq))
        return [event_record(row) for row in rows]

    async def counts_after(self, seq: int) -> tuple[Mapping[str, int], int]:
        """How many events of each type came after the number, and the number of the last one."""
        statement = (
            select(_events.type, func.count().label("number"), func.max(_events.seq).label("last"))
            .where(_events.seq > seq)
            .group_by(_events.type)
        )
        rows = await self._transaction.read(statement)
        counts = {row.type: row.number for row in rows}
        return counts, max((row.last for row in rows), default=seq)

    async def last_seq(self) -> int:
        """The number of the latest event, 0 where there is none."""
        statement = select(_events.seq).order_by(_events.seq.desc()).limit(1)
        rows = await self._transaction.read(statement)
        return rows[0].seq if rows else 0


def _values(record: EventRecord, data: JsonText) -> dict[str, Any]:
    return {
        "seq": record.seq,
        "event_id": record.event_id,
        "type": record.type,
        "account": record.account,
        "mailbox": record.mailbox,
        "message_id": record.message_id,
        "occurred_at": record.occurred_at,
        "data": data,
    }


def event_record(row: Row[Any]) -> EventRecord:
    """The event of a row that has the columns of `tables.events`."""
    return EventRecord(
        seq=row.seq,
        event_id=row.event_id,
        type=row.type,
        account=row.account,
        mailbox=row.mailbox,
        message_id=row.message_id,
        occurred_at=row.occurred_at,
        data=row.data,
    )
