"""Endpoints that are disabled: by 410, by five days of failures, by a person; and what waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from sage_mail.delivery.events import EventType
from sage_mail.delivery.results import Result
from sage_mail.delivery.schedule import Delivered, RetryAt
from sage_mail.delivery.warden import Warden
from sage_mail.records import AttemptRecord, DeliveryStatus
from sage_mail.storage import Storage
from tests.sage_mail.delivery.draining import (
    Clock,
    announced,
    delivery_when,
    draining,
    endpoint_for,
    has_status,
    standing,
    tried,
)
from tests.support.receiver import Answer, Receiver


async def _enable(storage: Storage, name: str = "crm") -> None:
    async with storage.unit_of_work() as uow:
        await uow.endpoints.enable(name)
        await uow.commit()


async def _disable(storage: Storage, clock: Clock, name: str = "crm") -> None:
    async with storage.unit_of_work() as uow:
        await uow.endpoints.disable(name, reason="asked", at=clock())
        await uow.commit()


async def test_gone_disables_and_the_others_hear(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    """410 ends the delivery and the endpoint; another endpoint gets ``endpoint.disabled``."""
    async with Receiver(default=Answer(status=410)) as gone:
        crm = endpoint_for(gone, events=["message.*"])
        ops = endpoint_for(receiver, name="ops", events=["endpoint.*"])
        deaf = endpoint_for(receiver, name="deaf", events=["message.*"], accounts=[])
        async with draining(storage, crm, ops, deaf, clock=clock):
            (seq,) = await announced(storage, [crm])
            failed = await delivery_when(storage, seq, has_status(DeliveryStatus.FAILED))
            (told,) = await receiver.received(1)
            later = await announced(storage, [crm], 3)
            await asyncio.gather(*(delivery_when(storage, each, tried(0)) for each in later))
        assert (failed.attempts, failed.last_error) == (1, "HTTP 410")
        assert len(gone.requests) == 1
    event = told.json()
    assert (event["type"], event["data"]["endpoint"]) == ("endpoint.disabled", "crm")
    assert event["data"]["reason"] == "gone"
    record = await standing(storage)
    assert (record.enabled, record.reason) == (False, "gone")


async def test_what_waited_is_sent_when_it_is_enabled(
    storage: Storage, receiver: Receiver, clock: Clock
) -> None:
    """Nothing is lost while an endpoint is disabled: its deliveries wait, in their order."""
    crm = endpoint_for(receiver, concurrency=1)
    await _disable(storage, clock)
    async with draining(storage, crm, clock=clock):
        sequences = await announced(storage, [crm], 5)
        async with storage.read() as uow:
            assert (await uow.outbox.counts())["crm"] == {DeliveryStatus.PENDING: 5}
        assert receiver.requests == []
        await _enable(storage)
        await receiver.received(5)
        await delivery_when(storage, sequences[-1], has_status(DeliveryStatus.DELIVERED))
    assert [request.json()["sequence"] for request in receiver.requests] == sequences


async def test_five_days_of_failures(storage: Storage, receiver: Receiver, clock: Clock) -> None:
    """An endpoint that does nothing but fail is disabled on the fifth day, once."""
    async with Receiver(default=Answer(status=500)) as dead:
        crm = endpoint_for(dead, events=["message.*"], max_attempts=1)
        ops = endpoint_for(receiver, name="ops", events=["endpoint.*"])
        async with draining(storage, crm, ops, clock=clock):
            for _day in range(5):
                (seq,) = await announced(storage, [crm])
                await delivery_when(storage, seq, has_status(DeliveryStatus.FAILED))
                assert (await standing(storage)).enabled
                clock.ahead += timedelta(days=1)
            (seq,) = await announced(storage, [crm])
            await delivery_when(storage, seq, has_status(DeliveryStatus.FAILED))
            (told,) = await receiver.received(1)
    assert told.json()["data"]["reason"] == "failing"
    record = await standing(storage)
    assert (record.enabled, record.reason) == (False, "failing")
    assert record.failing_since is not None
    async with storage.read() as uow:
        events = await uow.events.after(0, types=[EventType.ENDPOINT_DISABLED])
        assert [event.account for event in events] == [""]
        assert [each.endpoint for each in await uow.outbox.for_event(events[0].seq)] == ["ops"]


async def test_one_success_is_enough(storage: Storage, receiver: Receiver, clock: Clock) -> None:
    """A success in between begins the five days anew."""
    crm = endpoint_for(receiver, max_attempts=1)
    receiver.default = Answer(status=500)
    async with draining(storage, crm, clock=clock):
        for day in range(9):
            receiver.default = Answer(status=200 if day == 4 else 500)
            (seq,) = await announced(storage, [crm])
            await delivery_when(storage, seq, tried(1))
            clock.ahead += timedelta(days=1)
        assert (await standing(storage)).enabled
    assert (await standing(storage)).failing_since is not None


@pytest.mark.parametrize("status", [200, 500])
async def test_a_result_of_a_disabled_endpoint(
    storage: Storage, receiver: Receiver, clock: Clock, status: int
) -> None:
    """What was under way when a person disabled it is recorded, and changes nothing of that."""
    release = asyncio.Event()
    crm = endpoint_for(receiver)
    receiver.hold(release)
    receiver.default = Answer(status=status)
    async with draining(storage, crm, clock=clock):
        (seq,) = await announced(storage, [crm])
        await receiver.received(1)
        await _disable(storage, clock)
        release.set()
        await delivery_when(storage, seq, tried(1))
    record = await standing(storage)
    assert (record.enabled, record.reason) == (False, "asked")
    assert (record.failing_since is None) is (status == 200)


async def test_results_that_share_a_commit(storage: Storage, clock: Clock) -> None:
    """In one batch the last word counts: a failure after a success begins anew, and vice versa."""
    warden = Warden("crm", [])
    await announced(storage, [_Crm()], 2)
    async with storage.unit_of_work() as uow:
        first, second = await uow.outbox.due("crm", clock())
        failed = Result(first, _attempt(clock), RetryAt(clock()))
        done = Result(second, _attempt(clock), Delivered())
        await warden.judge(uow, [done, failed])
        assert (await uow.endpoints.get("crm")).failing_since is not None
        await warden.judge(uow, [failed, done])
        assert (await uow.endpoints.get("crm")).failing_since is None


class _Crm:
    name = "crm"

    def wants(self, event: object) -> bool:
        return True


def _attempt(clock: Clock) -> AttemptRecord:
    return AttemptRecord(number=1, started_at=clock(), latency_ms=1)
