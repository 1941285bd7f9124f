"""Results of attempts reach the store once, whatever the database does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import cast

import pytest

from sage_mail.delivery.announce import announce
from sage_mail.delivery.events import NewEvent
from sage_mail.delivery.recorder import Recorder
from sage_mail.delivery.results import Result
from sage_mail.delivery.schedule import Delivered
from sage_mail.errors import StorageUnavailable
from sage_mail.records import AttemptRecord, DeliveryRecord, DeliveryStatus
from sage_mail.storage import Storage, UnitOfWork
from tests.sage_mail.delivery.samples import new_event


class _Crm:
    name = "crm"

    def wants(self, event: NewEvent) -> bool:
        return True


class _Troubled:
    """A real store whose connection fails before or after some of its transactions, or is slow."""

    def __init__(self, storage: Storage, *, before: int = 0, after: int = 0) -> None:
        self._storage = storage
        self._before = before
        self._after = after
        self.open = asyncio.Event()
        self.open.set()
        self.entered = asyncio.Event()
        self.transactions = 0

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        self.entered.set()
        await self.open.wait()
        self.transactions += 1
        if self._before:
            self._before -= 1
            raise StorageUnavailable("away")
        async with self._storage.unit_of_work() as uow:
            yield uow
        if self._after:
            self._after -= 1
            raise StorageUnavailable("gone before its answer")


def _recorder(store: _Troubled) -> Recorder:
    return Recorder(cast("Storage", store))


async def _results(storage: Storage, count: int) -> list[Result]:
    deliveries: list[DeliveryRecord] = []
    async with storage.unit_of_work() as uow:
        for number in range(count):
            event = await announce(uow, new_event(number=number), [_Crm()])
            deliveries += await uow.outbox.for_event(event.seq)
        await uow.commit()
    attempt = AttemptRecord(number=1, started_at=datetime.now(UTC), latency_ms=3, status_code=200)
    return [Result(delivery, attempt, Delivered()) for delivery in deliveries]


async def _check_recorded_once(storage: Storage, results: list[Result]) -> None:
    async with storage.read() as uow:
        for result in results:
            delivery = await uow.outbox.get(result.delivery.id)
            assert delivery is not None
            assert delivery.status == DeliveryStatus.DELIVERED
            assert len(await uow.outbox.attempts(delivery.id)) == 1


async def test_an_outage_is_waited_out(storage: Storage) -> None:
    """While the database is away the result is kept, and committed when it is back."""
    results = await _results(storage, 1)
    await _recorder(_Troubled(storage, before=1)).record(results[0])
    await _check_recorded_once(storage, results)


async def test_a_commit_whose_end_is_not_known(storage: Storage) -> None:
    """A commit that came through but was reported as failed is not written a second time."""
    results = await _results(storage, 2)
    recorder = _recorder(_Troubled(storage, after=1))
    await asyncio.gather(*(recorder.record(result) for result in results))
    await _check_recorded_once(storage, results)


async def test_results_share_commits(storage: Storage) -> None:
    """What ends while a commit is under way goes into the next one together."""
    results = await _results(storage, 10)
    store = _Troubled(storage)
    recorder = _recorder(store)
    store.open.clear()
    tasks = [asyncio.create_task(recorder.record(result)) for result in results]
    await store.entered.wait()
    store.open.set()
    await asyncio.gather(*tasks)
    assert store.transactions <= 2
    await _check_recorded_once(storage, results)


async def test_a_cancelled_commit_is_taken_over(storage: Storage) -> None:
    """If the one who commits for all is cancelled, the next does it, and nothing is lost."""
    results = await _results(storage, 3)
    store = _Troubled(storage)
    recorder = _recorder(store)
    store.open.clear()
    leader = asyncio.create_task(recorder.record(results[0]))
    await store.entered.wait()
    others = [asyncio.create_task(recorder.record(result)) for result in results[1:]]
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    store.open.set()
    await asyncio.gather(*others)
    await _check_recorded_once(storage, results)
