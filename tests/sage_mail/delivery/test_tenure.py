"""What is delivered while, and after, another service may run on the database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from sage_mail.delivery import drain
from sage_mail.records import AttemptRecord, DeliveryStatus
from sage_mail.storage import Storage
from tests.sage_mail.delivery.draining import (
    announced,
    attempts_of,
    delivery_when,
    draining,
    endpoint_for,
    has_status,
)
from tests.support.receiver import Receiver
from tests.support.tenure import Wavering

_OVER = has_status(DeliveryStatus.DELIVERED)


async def _deliver_elsewhere(storage: Storage, seq: int) -> None:
    """What another service does in the meantime."""
    async with storage.unit_of_work() as uow:
        (delivery,) = await uow.outbox.for_event(seq)
        attempt = AttemptRecord(number=1, started_at=datetime.now(UTC), latency_ms=1)
        await uow.outbox.record_attempt(delivery.id, attempt, DeliveryStatus.DELIVERED)
        await uow.commit()


async def test_nothing_is_posted_while_another_may_run(storage: Storage) -> None:
    """What waits is posted once it is certain again that nobody else posts it."""
    storage.tenure = tenure = Wavering()
    tenure.lose()
    async with Receiver() as receiver:
        endpoint = endpoint_for(receiver)
        (seq,) = await announced(storage, [endpoint])
        async with draining(storage, endpoint):
            await tenure.asked.wait()
            assert receiver.requests == []
            tenure.regain()
            await delivery_when(storage, seq, _OVER)
        assert len(receiver.requests) == 1


async def test_what_was_read_before_is_read_anew(storage: Storage) -> None:
    """What another service has posted in the meantime is not posted again."""
    storage.tenure = tenure = Wavering()
    release = asyncio.Event()
    async with Receiver() as receiver:
        receiver.hold(release)
        endpoint = endpoint_for(receiver, concurrency=1)
        sequences = await announced(storage, [endpoint], 3)
        async with draining(storage, endpoint):
            await receiver.received(1)
            tenure.lose()
            await _deliver_elsewhere(storage, sequences[1])
            release.set()
            await tenure.asked.wait()
            tenure.regain()
            await delivery_when(storage, sequences[2], _OVER)
        posted = [request.json()["sequence"] for request in receiver.requests]
    assert posted == [sequences[0], sequences[2]]


async def test_a_loss_in_the_last_moment(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is about to be posted then goes back into the outbox, and counts as no attempt."""
    monkeypatch.setattr(drain, "_OUTAGE_PAUSE", 0.0)
    storage.tenure = tenure = Wavering(slips=True)
    async with Receiver() as receiver:
        endpoint = endpoint_for(receiver)
        (seq,) = await announced(storage, [endpoint])
        async with draining(storage, endpoint):
            delivery = await delivery_when(storage, seq, _OVER)
        assert tenure.refused.is_set()
        assert len(receiver.requests) == len(await attempts_of(storage, delivery)) == 1
