"""The outbox: which event still has to go to which endpoint, and what was tried."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, select, update

from sage_mail.records import (
    AttemptRecord,
    DeliveryRecord,
    DeliveryStatus,
    EventRecord,
    WaitingRecord,
)
from sage_mail.storage import tables
from sage_mail.storage.events import event_record
from sage_mail.storage.transaction import Transaction

__all__ = ["Outbox"]

_deliveries = tables.deliveries.c
_attempts = tables.attempts.c
_SELECT = select(tables.deliveries, tables.events).join_from(tables.deliveries, tables.events)
# Made once: to build a statement costs more than to execute it.
_WAITING = (
    _deliveries.endpoint == bindparam("wanted"),
    _deliveries.status == DeliveryStatus.PENDING,
)
_DUE = (
    _SELECT.where(*_WAITING, _deliveries.next_attempt_at <= bindparam("at"))
    .order_by(_deliveries.next_attempt_at, _deliveries.id)
    .limit(bindparam("most"))
)
_FIRST_DUE = _DUE.where(
    _deliveries.event_seq.in_(
        select(func.min(_deliveries.event_seq)).where(*_WAITING).group_by(_deliveries.account)
    )
)
_EVER = datetime(1, 1, 1, tzinfo=UTC)
_NEXT_DUE = (
    select(_deliveries.next_attempt_at)
    .where(*_WAITING, _deliveries.next_attempt_at > bindparam("at"))
    .order_by(_deliveries.next_attempt_at)
    .limit(1)
)
_SETTLE = (
    update(tables.deliveries)
    .where(_deliveries.id == bindparam("settled_id"))
    .values(
        status=bindparam("status_now"),
        attempts=bindparam("attempts_now"),
        next_attempt_at=bindparam("next_at"),
        last_error=bindparam("error_now"),
    )
)


class Outbox:
    """Repository of the deliveries and of their attempts."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, event: EventRecord, endpoint: str, *, due: datetime | None = None) -> None:
        """Let the event be delivered to the endpoint, from the instant of the event or *due* on.

        What is already to be delivered, or was, stays as it is.
        """
        values = {
            "event_seq": event.seq,
            "endpoint": endpoint,
            "webhook_id": f"msg_{uuid.uuid4().hex}",
            "status": DeliveryStatus.PENDING,
            "attempts": 0,
            "next_attempt_at": due or event.occurred_at,
            "account": event.account,
            "earlier_attempts": 0,
        }
        self._transaction.collect(tables.deliveries, values)
        self._transaction.wake_others()

    async def due(
        self, endpoint: str, now: datetime, *, limit: int = 100, ordered: bool = False
    ) -> list[DeliveryRecord]:
        """The pending deliveries to the endpoint whose time has come, the longest due first.

        If they are *ordered*, only the first pending one of each account can be among them.
        """
        statement = _FIRST_DUE if ordered else _DUE
        wanted = {"wanted": endpoint, "at": now, "most": limit}
        return [_record(row) for row in await self._transaction.read(statement, wanted)]

    async def next_due(self, endpoint: str, *, after: datetime | None = None) -> datetime | None:
        """When the next pending delivery to the endpoint is due, None where there is none.

        With *after*, the next that is due later than this instant.
        """
        await self._transaction.flush()
        wanted = {"wanted": endpoint, "at": after or _EVER}
        row = await self._transaction.first(_NEXT_DUE, wanted)
        return None if row is None else row.next_attempt_at

    async def record_attempt(
        self,
        delivery_id: int,
        attempt: AttemptRecord,
        status: DeliveryStatus,
        *,
        next_attempt_at: datetime | None = None,
    ) -> None:
        """Note an attempt and where the delivery stands after it.

        A delivery that stays pending needs *next_attempt_at*; its last error is the attempt's.
        """
        if status is DeliveryStatus.PENDING and next_attempt_at is None:
            raise ValueError("a pending delivery needs its next instant")
        self._transaction.collect(tables.attempts, _attempt_values(delivery_id, attempt))
        await self._transaction.execute(
            _SETTLE,
            {
                "settled_id": delivery_id,
                "status_now": status,
                "attempts_now": attempt.number,
                "next_at": next_attempt_at if status is DeliveryStatus.PENDING else None,
                "error_now": attempt.error,
            },
        )

    async def replay(self, endpoint: str, events: Sequence[EventRecord], *, at: datetime) -> None:
        """Let the events be delivered to the endpoint (once more), from the instant on.

        A delivery that there is already keeps its id and its attempts; its schedule begins anew.
        """
        await self._transaction.execute(
            update(tables.deliveries)
            .where(
                _deliveries.endpoint == endpoint,
                _deliveries.event_seq.in_([event.seq for event in events]),
            )
            .values(
                status=DeliveryStatus.PENDING,
                next_attempt_at=at,
                last_error=None,
                earlier_attempts=_deliveries.attempts,
            )
        )
        for event in events:
            await self.add(event, endpoint, due=at)

    async def put_off(self, delivery_id: int, *, until: datetime) -> None:
        """Let the pending delivery be due at the instant, and no earlier."""
        await self._transaction.execute(
            update(tables.deliveries)
            .where(_deliveries.id == delivery_id, _deliveries.status == DeliveryStatus.PENDING)
            .values(next_attempt_at=until)
        )

    async def hurry(
        self, endpoint: str, *, at: datetime, later_than: datetime | None = None
    ) -> int:
        """Let what waits for the endpoint be due from the instant on, whatever its pauses were.

        With *later_than* only what would be due after that; the number of deliveries.
        """
        hurried = await self._transaction.execute(
            update(tables.deliveries)
            .where(
                _deliveries.endpoint == endpoint,
                _deliveries.status == DeliveryStatus.PENDING,
                _deliveries.next_attempt_at > (later_than or at),
            )
            .values(next_attempt_at=at)
        )
        self._transaction.wake_others()
        return hurried

    async def get(self, delivery_id: int) -> DeliveryRecord | None:
        """The delivery by its row."""
        rows = await self._transaction.read(_SELECT.where(_deliveries.id == delivery_id))
        return _record(rows[0]) if rows else None

    async def for_event(self, seq: int) -> list[DeliveryRecord]:
        """The deliveries of the event, by endpoint."""
        statement = _SELECT.where(_deliveries.event_seq == seq).order_by(_deliveries.endpoint)
        return [_record(row) for row in await self._transaction.read(statement)]

    async def attempts(self, delivery_id: int) -> list[AttemptRecord]:
        """The attempts of the delivery, first to last."""
        statement = (
            select(tables.attempts)
            .where(_attempts.delivery_id == delivery_id)
            .order_by(_attempts.number)
        )
        return [_attempt_record(row) for row in await self._transaction.read(statement)]

    async def latest_attempts(
        self, endpoint: str, *, limit: int = 20, failed: bool = False
    ) -> list[tuple[DeliveryRecord, AttemptRecord]]:
        """The endpoint's last attempts with their deliveries, the latest first.

        With *failed*, only those that did not succeed.
        """
        statement = (
            select(tables.attempts)
            .join_from(tables.attempts, tables.deliveries)
            .where(_deliveries.endpoint == endpoint)
            .order_by(_attempts.started_at.desc(), _attempts.number.desc())
            .limit(limit)
        )
        if failed:
            statement = statement.where(_attempts.error.is_not(None))
        rows = await self._transaction.read(statement)
        known = _SELECT.where(_deliveries.id.in_({row.delivery_id for row in rows}))
        deliveries = {row.id: _record(row) for row in await self._transaction.read(known)}
        return [(deliveries[row.delivery_id], _attempt_record(row)) for row in rows]

    async def latest(self, limit: int) -> list[DeliveryRecord]:
        """The deliveries that came into the outbox last, whatever became of them, newest first."""
        statement = _SELECT.order_by(_deliveries.id.desc()).limit(limit)
        return [_record(row) for row in await self._transaction.read(statement)]

    async def counts(self) -> Mapping[str, Mapping[DeliveryStatus, int]]:
        """How many deliveries of each endpoint stand where; what is zero may be left out."""
        rows = await self._transaction.read(
            select(_deliveries.endpoint, _deliveries.status, func.count().label("number")).group_by(
                _deliveries.endpoint, _deliveries.status
            )
        )
        counts: dict[str, dict[DeliveryStatus, int]] = defaultdict(dict)
        for row in rows:
            counts[row.endpoint][DeliveryStatus(row.status)] = row.number
        return dict(counts)

    async def waiting(self) -> Mapping[str, WaitingRecord]:
        """What waits for each endpoint; those for which nothing waits are left out."""
        firsts = (
            select(
                _deliveries.endpoint,
                func.count().label("number"),
                func.min(_deliveries.event_seq).label("first"),
            )
            .where(_deliveries.status == DeliveryStatus.PENDING)
            .group_by(_deliveries.endpoint)
            .subquery()
        )
        events = tables.events.c
        rows = await self._transaction.read(
            select(firsts.c.endpoint, firsts.c.number, events.occurred_at).join_from(
                firsts, tables.events, events.seq == firsts.c.first
            )
        )
        return {row.endpoint: WaitingRecord(row.number, row.occurred_at) for row in rows}

    async def stranded(self, configured: Collection[str]) -> Mapping[str, WaitingRecord]:
        """What waits for endpoints that nobody delivers to, since they are not *configured*."""
        waiting = await self.waiting()
        return {name: waiting[name] for name in sorted(waiting) if name not in configured}

    async def give_up(self, endpoint: str, *, reason: str) -> int:
        """Let what waits for the endpoint have failed for the reason; the number of deliveries."""
        await self._transaction.flush()
        return await self._transaction.execute(
            update(tables.deliveries)
            .where(
                _deliveries.endpoint == endpoint,
                _deliveries.status == DeliveryStatus.PENDING,
            )
            .values(status=DeliveryStatus.FAILED, next_attempt_at=None, last_error=reason)
        )


def _record(row: Row[Any]) -> DeliveryRecord:
    return DeliveryRecord(
        id=row.id,
        event=event_record(row),
        endpoint=row.endpoint,
        webhook_id=row.webhook_id,
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_error=row.last_error,
        earlier_attempts=row.earlier_attempts,
    )


def _attempt_values(delivery_id: int, attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "delivery_id": delivery_id,
        "number": attempt.number,
        "started_at": attempt.started_at,
        "latency_ms": attempt.latency_ms,
        "status_code": attempt.status_code,
        "error": attempt.error,
        "response": attempt.response,
    }


def _attempt_record(row: Row[Any]) -> AttemptRecord:
    return AttemptRecord(
        number=row.number,
        started_at=row.started_at,
        latency_ms=row.latency_ms,
        status_code=row.status_code,
        error=row.error,
        response=row.response,
    )
