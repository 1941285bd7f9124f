"""Deliveries once more: one, those of a range of events, those since a moment.

A replayed delivery keeps its ``webhook-id``, by which a receiver that has it already knows it. An
event that had no delivery to the endpoint, since the endpoint is new or was set to other events,
gets one if the endpoint wants it as it is set now.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sage_mail.delivery.filters import Announced
from sage_mail.records import EventRecord
from sage_mail.storage import Storage

__all__ = ["Range", "Wanting", "replay_delivery", "replay_range"]

# Events in one transaction; other writers wait for it.
_AT_ONCE: Final = 500


class Wanting(Protocol):
    """What is asked of an endpoint; `WebhookSettings` is one."""

    @property
    def name(self) -> str:
        """The endpoint's name."""

    def wants(self, event: Announced) -> bool:
        """Whether the event is to be delivered to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Which events: those with numbers from *first* to *last*, and not older than *since*."""

    first: int = 1
    last: int | None = None
    since: datetime | None = None


async def replay_delivery(
    storage: Storage, delivery_id: int, *, endpoint: str, at: datetime
) -> bool:
    """Let one delivery be made once more; False if the endpoint has none of this number."""
    async with storage.unit_of_work() as uow:
        delivery = await uow.outbox.get(delivery_id)
        if delivery is None or delivery.endpoint != endpoint:
            return False
        await uow.outbox.replay(endpoint, [delivery.event], at=at)
        await uow.commit()
    return True


async def replay_range(storage: Storage, endpoint: Wanting, range_: Range, *, at: datetime) -> int:
    """Let the events of the range be delivered once more; the number of those that it wants."""
    count = 0
    async for page in _pages(storage, range_):
        wanted = [event for event in page if endpoint.wants(event)]
        if wanted:
            async with storage.unit_of_work() as uow:
                await uow.outbox.replay(endpoint.name, wanted, at=at)
                await uow.commit()
            count += len(wanted)
    return count


async def _pages(storage: Storage, range_: Range) -> AsyncIterator[list[EventRecord]]:
    seq = range_.first - 1
    if range_.since is not None:
        async with storage.read() as uow:
            since = await uow.events.first_since(range_.since)
        if since is None:
            return
        seq = max(seq, since - 1)
    while True:
        async with storage.read() as uow:
            page = await uow.events.after(seq, limit=_AT_ONCE)
        inside = [event for event in page if range_.last is None or event.seq <= range_.last]
        yield [
            event for event in inside if range_.since is None or event.occurred_at >= range_.since
        ]
        if len(inside) < _AT_ONCE:
            return
        seq = page[-1].seq
