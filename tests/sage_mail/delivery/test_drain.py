"""The drains against real receivers and a real store: what is sent, recorded, tried again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from standardwebhooks.webhooks import Webhook

from sage_mail.delivery.announce import announce
from sage_mail.delivery.drain import EndpointDrain
from sage_mail.delivery.drains import _supervise
from sage_mail.delivery.events import EventType
from sage_mail.delivery.recorder import to_its_end
from sage_mail.errors import StorageUnavailable
from sage_mail.records import DeliveryStatus
from sage_mail.storage import Storage, UnitOfWork
from tests.sage_mail.delivery.draining import (
    SECRET,
    Clock,
    announced,
    attempts_of,
    delivery_when,
    draining,
    endpoint_for,
    has_status,
    tried,
)
from tests.sage_mail.delivery.samples import new_event
from tests.support.receiver import Answer, Receiver


def _sequences(receiver: Receiver) -> list[int]:
    return [request.json()["sequence"] for request in receiver.requests]


async def test_announce_writes_for_those_who_want_it(storage: Storage, receiver: Receiver) -> None:
    """An event has one delivery for each endpoint whose patterns match, and none for the others."""
    wants = endpoint_for(receiver, events=["message.*"])
    other = endpoint_for(receiver, name="ops", events=["account.*"])
    async with storage.unit_of_work() as uow:
        record = await announce(uow, new_event(EventType.MESSAGE_NEW), [wants, other])
        await uow.commit()
    async with storage.read() as uow:
        (delivery,) = await uow.outbox.for_event(record.seq)
    assert delivery.event == record
    assert (delivery.endpoint, delivery.status) == ("crm", DeliveryStatus.PENDING)


async def test_nobody_is_told_of_what_is_rolled_back(storage: Storage, receiver: Receiver) -> None:
    """An event whose transaction is not committed never happened."""
    endpoint = endpoint_for(receiver)
    async with draining(storage, endpoint):
        async with storage.unit_of_work() as uow:
            await announce(uow, new_event(number="lost"), [endpoint])
        await announced(storage, [endpoint])
        (request,) = await receiver.received(1)
    assert request.json()["data"] == {"number": 0}


async def test_what_arrives_and_what_is_recorded(storage: Storage, receiver: Receiver) -> None:
    """A delivery is signed, carries its id, and its attempt is kept with status and answer."""
    endpoint = endpoint_for(receiver)
    receiver.script(Answer(status=202, body=b"thanks"))
    async with draining(storage, endpoint):
        (seq,) = await announced(storage, [endpoint])
        (request,) = await receiver.received(1)
        delivery = await delivery_when(storage, seq, has_status(DeliveryStatus.DELIVERED))
    assert Webhook(SECRET).verify(request.body, dict(request.headers))["sequence"] == seq
    assert request.headers["webhook-id"] == delivery.webhook_id
    assert (delivery.next_attempt_at, delivery.last_error) == (None, None)
    (attempt,) = await attempts_of(storage, delivery)
    assert (attempt.number, attempt.status_code, attempt.response) == (1, 202, "thanks")
    assert attempt.error is None
    assert attempt.latency_ms >= 0


async def test_what_waited_before_the_start_is_sent(storage: Storage, receiver: Receiver) -> None:
    """Deliveries that an earlier run has left are sent without any new commit, the oldest first."""
    endpoint = endpoint_for(receiver, concurrency=1)
    sequences = await announced(storage, [endpoint], 5)
    async with draining(storage, endpoint):
        await receiver.received(5)
    assert _sequences(receiver) == sequences


async def test_a_failure_is_tried_again(storage: Storage, receiver: Receiver, clock: Clock) -> None:
    """A second attempt comes after the pause, with the same id and body and a new signature."""
    endpoint = endpoint_for(receiver)
    receiver.script(Answer(status=500, body=b"oops"))
    async with draining(storage, endpoint, clock=clock):
        (seq,) = await announced(storage, [endpoint])
        clock.stop()
        pending = await delivery_when(storage, seq, tried(1))
        assert pending.status == DeliveryStatus.PENDING
        assert pending.last_error == "HTTP 500"
        assert pending.next_attempt_at is not None
        assert timedelta(seconds=4) < pending.next_attempt_at - clock() <= timedelta(seconds=5)
        clock.ahead += timedelta(seconds=5)
        storage.commits.notify()
        first, second = await receiver.received(2)
        done = await delivery_when(storage, seq, has_status(DeliveryStatus.DELIVERED))
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert [attempt.status_code for attempt in await attempts_of(storage, done)] == [500, 200]
    assert done.last_error is None


async def test_the_pause_passes_by_itself(storage: Storage, receiver: Receiver) -> None:
    """When a delivery becomes due it is sent, though nobody commits anything."""
    endpoint = endpoint_for(receiver)
    (seq,) = await announced(storage, [])
    async with storage.unit_of_work() as uow:
        event = await uow.events.get(seq)
        assert event is not None
        await uow.outbox.add(event, "crm", due=datetime.now(UTC) + timedelta(seconds=0.3))
        await uow.commit()
    async with draining(storage, endpoint):
        await receiver.received(1)


async def test_retry_after_is_respected(storage: Storage, receiver: Receiver, clock: Clock) -> None:
    """An endpoint that asks for ten minutes gets them."""
    endpoint = endpoint_for(receiver)
    receiver.script(Answer(status=429, headers={"Retry-After": "600"}))
    async with draining(storage, endpoint, clock=clock):
        (seq,) = await announced(storage, [endpoint])
        pending = await delivery_when(storage, seq, tried(1))
    assert pending.next_attempt_at is not None
    assert pending.next_attempt_at - clock() > timedelta(seconds=590)


async def test_it_is_given_up(storage: Storage, receiver: Receiver, clock: Clock) -> None:
    """A delivery whose attempts are used up has failed."""
    endpoint = endpoint_for(receiver, max_attempts=2)
    receiver.script(Answer(status=503), Answer(status=503))
    async with draining(storage, endpoint, clock=clock):
        (tired,) = await announced(storage, [endpoint])
        await delivery_when(storage, tired, tried(1))
        clock.ahead += timedelta(seconds=5)
        storage.commits.notify()
        failed = await delivery_when(storage, tired, has_status(DeliveryStatus.FAILED))
    assert failed.attempts == 2
    assert failed.next_attempt_at is None


async def test_a_dead_endpoint_delays_nobody(storage: Storage, receiver: Receiver) -> None:
    """While one endpoint hangs on all its connections, another gets everything."""
    async with Receiver(default=Answer(hang=True)) as dead:
        stuck = endpoint_for(dead, name="dead", concurrency=2)
        healthy = endpoint_for(receiver)
        async with draining(storage, stuck, healthy):
            sequences = await announced(storage, [stuck, healthy], 20)
            await dead.received(2)
            await receiver.received(20)
            assert sorted(_sequences(receiver)) == sequences
            assert len(dead.requests) == 2


async def test_stop_while_an_endpoint_hangs(storage: Storage, receiver: Receiver) -> None:
    """A stop gives the POST up at once; the delivery is pending, and sent later under its id."""
    endpoint = endpoint_for(receiver)
    receiver.script(Answer(hang=True))
    loop = asyncio.get_running_loop()
    async with draining(storage, endpoint) as task:
        (seq,) = await announced(storage, [endpoint])
        await receiver.received(1)
        before = loop.time()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop.time() - before < 20
    await receiver.gave_up(1)
    pending = await delivery_when(storage, seq, has_status(DeliveryStatus.PENDING))
    assert pending.attempts == 0
    async with draining(storage, endpoint):
        first, second = await receiver.received(2)
        await delivery_when(storage, seq, has_status(DeliveryStatus.DELIVERED))
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_killed_between_the_post_and_its_record(
    storage: Storage, database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    """After kill -9 with the answer in hand the next start sends once more, under the same id."""
    endpoint = endpoint_for(receiver, secret=None)
    (seq,) = await announced(storage, [endpoint])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.sage_mail.delivery.draining_process"),
        *(database_url, str(tmp_path / "blobs"), receiver.url),
        cwd=Path(__file__).parents[3],
        env={**os.environ, "SAGE_MAIL_CRASH_AT": "after-post"},
    )
    assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL
    assert len(receiver.requests) == 1
    pending = await delivery_when(storage, seq, has_status(DeliveryStatus.PENDING))
    assert pending.attempts == 0
    async with draining(storage, endpoint):
        first, second = await receiver.received(2)
        done = await delivery_when(storage, seq, has_status(DeliveryStatus.DELIVERED))
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == done.webhook_id
    assert first.body == second.body
    assert len(await attempts_of(storage, done)) == 1


async def test_a_secret_that_cannot_be_had(
    storage: Storage, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its secret nothing is sent; the attempt says why, and the next may succeed."""
    endpoint = endpoint_for(receiver, secret=None, secret_env="CRM_WEBHOOK_SECRET")
    async with draining(storage, endpoint, clock=clock):
        (seq,) = await announced(storage, [endpoint])
        pending = await delivery_when(storage, seq, tried(1))
        assert "CRM_WEBHOOK_SECRET" in str(pending.last_error)
        assert receiver.requests == []
        monkeypatch.setenv("CRM_WEBHOOK_SECRET", SECRET)
        clock.ahead += timedelta(seconds=5)
        storage.commits.notify()
        await receiver.received(1)


async def test_an_event_that_cannot_be_composed(
    storage: Storage, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """It is an attempt that failed, without a word of the event; the others are delivered."""
    endpoint = endpoint_for(receiver, format="guide", concurrency=1, max_attempts=1)
    before = await announced(storage, [endpoint], 2)
    no_address: dict[str, Any] = {"from": {"name": "Ada"}}
    (odd,) = await announced(storage, [endpoint], **no_address)
    after = await announced(storage, [endpoint], 3)
    async with draining(storage, endpoint):
        for seq in (*before, *after):
            await delivery_when(storage, seq, has_status(DeliveryStatus.DELIVERED))
        failed = await delivery_when(storage, odd, has_status(DeliveryStatus.FAILED))
    (attempt,) = await attempts_of(storage, failed)
    assert attempt.error is not None
    assert attempt.error.startswith("nothing was sent: composing failed with KeyError in _guide,")
    assert (attempt.status_code, len(receiver.requests)) == (None, 5)
    assert "drain_failed" not in caplog.text


async def test_an_unsigned_endpoint_in_the_guides_format(
    storage: Storage, receiver: Receiver
) -> None:
    """An endpoint without a secret gets the envelope that it asked for, unsigned."""
    endpoint = endpoint_for(receiver, secret=None, format="guide")
    async with draining(storage, endpoint):
        await announced(storage, [endpoint])
        (request,) = await receiver.received(1)
    assert request.json()["event"]["type"] == "new_message"
    assert "x-signature" not in request.headers
    assert "webhook-id" in request.headers


async def test_an_outbox_that_cannot_be_read_for_a_while(
    storage: Storage, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage of the database is logged and outlasted."""
    endpoint = endpoint_for(receiver)
    await announced(storage, [endpoint])

    class Away:
        """The store, away at the first look."""

        commits = storage.commits
        tenure = storage.tenure
        unit_of_work = storage.unit_of_work
        looked = asyncio.Event()

        def read(self) -> AbstractAsyncContextManager[UnitOfWork]:
            if not self.looked.is_set():
                self.looked.set()
                raise StorageUnavailable("away")
            return storage.read()

    away = Away()
    async with draining(cast("Storage", away), endpoint):
        await asyncio.wait_for(away.looked.wait(), 10)
        storage.commits.notify()
        await receiver.received(1)
    assert "outbox_unreadable" in caplog.text


async def test_a_drain_that_fails_is_started_anew() -> None:
    """Whatever ends a drain, its supervisor starts it again."""
    runs = 0
    again = asyncio.Event()

    class Failing(EndpointDrain):
        def __init__(self) -> None:
            pass

        async def run(self) -> None:
            nonlocal runs
            runs += 1
            if runs == 1:
                raise RuntimeError("a defect")
            again.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(_supervise("crm", Failing()))
    await asyncio.wait_for(again.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_answer_that_has_come_is_recorded_before_the_end() -> None:
    """Work that may not be torn in two is finished when its task is cancelled, within limits."""
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await may_end.wait()
        ended.set()

    task = asyncio.create_task(to_its_end(work()))
    await begun.wait()
    task.cancel()
    asyncio.get_running_loop().call_soon(may_end.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


class _SlowToWrite:
    """A real store in which nothing is written before `open` is set."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.commits = storage.commits
        self.tenure = storage.tenure
        self.read = storage.read
        self.open = asyncio.Event()

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        await self.open.wait()
        async with self._storage.unit_of_work() as uow:
            yield uow


@pytest.mark.parametrize("status", [204, 500])
async def test_no_more_than_few_are_without_a_record(storage: Storage, status: int) -> None:
    """What could be sent twice after a crash is bounded by what may be posted at a time."""
    async with Receiver(default=Answer(status=status)) as receiver:
        endpoint = endpoint_for(receiver, concurrency=2)
        sequences = await announced(storage, [endpoint], 6)
        store = _SlowToWrite(storage)
        async with draining(cast("Storage", store), endpoint):
            await receiver.received(2)
            storage.commits.notify()
            await delivery_when(storage, sequences[-1], tried(0))
            assert len(receiver.requests) == 2
            store.open.set()
            await receiver.received(6)
