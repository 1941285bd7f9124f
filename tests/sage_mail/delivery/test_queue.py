"""The queue of an endpoint: when the outbox is read, and when what was read counts no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

import pytest

from sage_mail.delivery.queue import Queue
from sage_mail.errors import StorageUnavailable
from sage_mail.records import DeliveryStatus
from sage_mail.storage import Storage, UnitOfWork
from tests.sage_mail.delivery.draining import (
    Clock,
    announced,
    attempts_of,
    delivery_when,
    draining,
    endpoint_for,
    has_status,
    tried,
)
from tests.support.receiver import Answer, Receiver


class _Counted:
    """A real store that counts the views for reading, and may refuse or hold some of them."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.unit_of_work = storage.unit_of_work
        self.reads = 0
        self.away = False
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    @property
    def commits(self) -> object:
        return self._storage.commits

    @property
    def tenure(self) -> object:
        return self._storage.tenure

    @asynccontextmanager
    async def read(self) -> AsyncIterator[UnitOfWork]:
        self.reads += 1
        if self.away:
            raise StorageUnavailable("away")
        async with self._storage.read() as uow:
            yield uow
        self.entered.set()
        await self.open.wait()


def _queue(store: _Counted, clock: Clock, *, ordered: bool = False) -> Queue:
    return Queue(cast("Storage", store), "crm", ordered=ordered, clock=clock)


@pytest.mark.parametrize("status", [200, 500])
async def test_the_end_of_a_delivery_brings_no_look(
    storage: Storage, clock: Clock, status: int
) -> None:
    """Forty deliveries of one commit, delivered or failed, are read from the outbox together."""
    store = _Counted(storage)
    async with Receiver(default=Answer(status=status)) as receiver:
        endpoint = endpoint_for(receiver)
        async with draining(cast("Storage", store), endpoint, clock=clock):
            sequences = await announced(storage, [endpoint], 40)
            for seq in sequences:
                await delivery_when(storage, seq, tried(1))
    # At the start, after the commit, and once for a wake-up that came meanwhile.
    assert store.reads <= 3


async def test_a_backlog_is_read_to_its_end(storage: Storage, receiver: Receiver) -> None:
    """More than is read at once goes out without a further commit, in few looks."""
    store, endpoint = _Counted(storage), endpoint_for(receiver)
    sequences = await announced(storage, [endpoint], 130)
    async with draining(cast("Storage", store), endpoint):
        requests = await receiver.received(130, timeout=60)
        await delivery_when(storage, sequences[-1], has_status(DeliveryStatus.DELIVERED))
    assert sorted(request.json()["sequence"] for request in requests) == sequences
    assert store.reads <= 6


async def test_a_retry_is_known_without_a_look(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    """The pause before a second attempt is counted from its record, not read from the outbox."""
    store = _Counted(storage)
    queue = _queue(store, clock)
    endpoint = endpoint_for(receiver)
    await announced(storage, [endpoint])
    await queue.refresh(())
    delivery = queue.pop()
    assert queue.pause() > 9
    queue.settled(delivery, retry_at=clock() + timedelta(seconds=5))
    assert 4 < queue.pause() <= 5
    await queue.refresh(())
    assert store.reads == 1


async def test_what_is_due_later_is_looked_for_then(storage: Storage, clock: Clock) -> None:
    """A delivery that is not due yet ends the pause when it is."""
    (seq,) = await announced(storage, [])
    clock.stop()
    async with storage.unit_of_work() as uow:
        event = await uow.events.get(seq)
        assert event is not None
        await uow.outbox.add(event, "crm", due=clock() + timedelta(seconds=7))
        await uow.commit()
    queue = _queue(_Counted(storage), clock)
    await queue.refresh(())
    assert not queue
    assert 6 < queue.pause() <= 7


async def test_in_order_the_next_is_looked_for_at_once(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    """When the first of an account is settled the next one is due without a commit."""
    queue = _queue(_Counted(storage), clock, ordered=True)
    await announced(storage, [endpoint_for(receiver)], 2)
    await queue.refresh(())
    first = queue.pop()
    assert not queue
    assert queue.pause() > 0
    queue.settled(first, retry_at=None)
    assert queue.pause() == 0


async def test_what_is_under_way_is_not_given_twice(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    """A delivery that is being attempted while the outbox is read is not read as due."""
    queue = _queue(_Counted(storage), clock)
    await announced(storage, [endpoint_for(receiver)], 2)
    await queue.refresh(())
    first, second = queue.pop(), queue.pop()
    queue.returned(first)
    await queue.refresh({second.id})
    assert queue.pop() == first
    assert not queue


async def test_what_was_read_before_a_closing_is_forgotten(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    """If the endpoint may have been disabled while the outbox was read, it is read once more."""
    store = _Counted(storage)
    queue = _queue(store, clock)
    await announced(storage, [endpoint_for(receiver)])
    store.open.clear()
    reading = asyncio.create_task(queue.refresh(()))
    await store.entered.wait()
    queue.expire()
    store.open.set()
    await reading
    assert not queue
    assert queue.pause() == 0
    await queue.refresh(())
    assert queue


async def test_an_outage_is_a_pause(storage: Storage, clock: Clock) -> None:
    """While the outbox cannot be read it is not asked again at once."""
    store = _Counted(storage)
    queue = _queue(store, clock)
    store.away = True
    await queue.refresh(())
    assert 1 < queue.pause() <= 2
    await queue.refresh(())
    assert store.reads == 1


async def test_disabled_by_somebody_else_ends_a_backlog(storage: Storage, clock: Clock) -> None:
    """After the first failure of an endpoint that was disabled meanwhile nothing more is sent."""
    release = asyncio.Event()
    async with Receiver(default=Answer(status=500)) as failing:
        failing.hold(release)
        endpoint = endpoint_for(failing, concurrency=1)
        async with draining(storage, endpoint, clock=clock):
            first, second = await announced(storage, [endpoint], 2)
            await failing.received(1)
            async with storage.unit_of_work() as uow:
                await uow.endpoints.disable("crm", reason="asked", at=clock())
                await uow.commit()
            release.set()
            await delivery_when(storage, first, tried(1))
            storage.commits.notify()
            waiting = await delivery_when(storage, second, tried(0))
        assert await attempts_of(storage, waiting) == []
        assert len(failing.requests) == 1


@pytest.mark.parametrize("ordered", [False, True])
async def test_what_a_clock_that_was_ahead_has_written(
    storage: Storage,
    receiver: Receiver,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    ordered: bool,
) -> None:
    """What would be due in years is sent now, and what is due tomorrow stays as it is."""
    endpoint = endpoint_for(receiver, ordered=ordered)
    early, patient = await announced(storage, []), await announced(storage, [], account="home")
    async with storage.unit_of_work() as uow:
        for (seq,), days in ((early, 400), (patient, 1)):
            event = await uow.events.get(seq)
            assert event is not None
            await uow.outbox.add(event, "crm", due=clock() + timedelta(days=days))
        await uow.commit()
    async with draining(storage, endpoint, clock=clock):
        await delivery_when(storage, early[0], has_status(DeliveryStatus.DELIVERED))
        waiting = await delivery_when(storage, patient[0], tried(0))
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at - clock() > timedelta(hours=23)
    assert caplog.text.count("deliveries_far_ahead") == 1
    assert len(receiver.requests) == 1
