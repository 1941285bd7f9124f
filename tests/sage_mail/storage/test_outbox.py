"""Each event goes to each endpoint once; every attempt is kept."""

from __future__ import annotations

import pytest

from sage_mail.records import AttemptRecord, DeliveryStatus
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import NOW, announced, event, later


async def test_a_delivery_is_due_from_the_event_on(storage: Storage) -> None:
    """Deliveries come due by their instants, for their endpoint only, the longest due first."""
    async with storage.unit_of_work() as uow:
        for seconds in (3, 1, 2):
            await announced(uow, occurred_at=later(seconds))
        await announced(uow, endpoint="other")
        postponed = await uow.events.append(event())
        await uow.outbox.add(postponed, "hook", due=later(100))
        await uow.commit()
    async with storage.read() as uow:
        due = await uow.outbox.due("hook", later(2))
        assert [delivery.event.seq for delivery in due] == [2, 3]
        assert len(await uow.outbox.due("hook", later(2), limit=1)) == 1
        assert await uow.outbox.next_due("hook") == later(1)
        assert await uow.outbox.next_due("unknown") is None
        assert due[0].event == await uow.events.get(2)
    assert (due[0].status, due[0].attempts, due[0].last_error) == ("pending", 0, None)
    assert due[0].webhook_id != due[1].webhook_id


async def test_an_event_goes_to_an_endpoint_once(storage: Storage) -> None:
    """Adding a delivery again changes nothing, in the same transaction or in a later one."""
    async with storage.unit_of_work() as uow:
        record = await uow.events.append(event())
        for endpoint in ("hook", "hook", "other"):
            await uow.outbox.add(record, endpoint)
        await uow.commit()
    async with storage.unit_of_work() as uow:
        before = await uow.outbox.for_event(record.seq)
        await uow.outbox.add(record, "hook", due=later(9))
        assert await uow.outbox.for_event(record.seq) == before
    assert [delivery.endpoint for delivery in before] == ["hook", "other"]


async def test_attempts_are_kept_and_the_webhook_id_stays(storage: Storage) -> None:
    """After failed attempts a delivery is pending with its old id, after a success delivered."""
    first = AttemptRecord(
        number=1, started_at=NOW, latency_ms=12, status_code=503, error="HTTP 503", response="x\0"
    )
    second = AttemptRecord(number=2, started_at=later(30), latency_ms=8, status_code=200)
    async with storage.unit_of_work() as uow:
        await announced(uow)
        await uow.commit()
    async with storage.unit_of_work() as uow:
        (new,) = await uow.outbox.due("hook", NOW)
        await uow.outbox.record_attempt(
            new.id, first, DeliveryStatus.PENDING, next_attempt_at=later(30)
        )
        assert await uow.outbox.due("hook", later(29)) == []
        (again,) = await uow.outbox.due("hook", later(30))
        await uow.outbox.record_attempt(new.id, second, DeliveryStatus.DELIVERED)
        done = await uow.outbox.get(new.id)
        attempts = await uow.outbox.attempts(new.id)
        assert await uow.outbox.next_due("hook") is None
    assert (again.webhook_id, again.attempts, again.last_error) == (new.webhook_id, 1, "HTTP 503")
    assert done is not None
    assert (done.status, done.attempts, done.last_error) == ("delivered", 2, None)
    assert [attempt.number for attempt in attempts] == [1, 2]
    assert attempts[0].response == "x\ufffd"
    assert attempts[1] == second


async def test_a_pending_delivery_needs_an_instant(storage: Storage) -> None:
    """A delivery cannot be left pending without the instant of its next attempt."""
    attempt = AttemptRecord(number=1, started_at=NOW, latency_ms=1)
    async with storage.unit_of_work() as uow:
        with pytest.raises(ValueError, match="next instant"):
            await uow.outbox.record_attempt(1, attempt, DeliveryStatus.PENDING)


async def test_counts_by_endpoint_and_status(storage: Storage) -> None:
    """The counts tell for each endpoint how many deliveries stand where."""
    attempt = AttemptRecord(number=1, started_at=NOW, latency_ms=1, error="gone")
    async with storage.unit_of_work() as uow:
        for _ in range(3):
            await announced(uow)
        (first, *_) = await uow.outbox.due("hook", NOW)
        await uow.outbox.record_attempt(first.id, attempt, DeliveryStatus.FAILED)
        counts = await uow.outbox.counts()
        assert await uow.outbox.get(99) is None
    assert counts == {"hook": {DeliveryStatus.PENDING: 2, DeliveryStatus.FAILED: 1}}


async def test_the_next_after_an_instant(storage: Storage) -> None:
    """What is due by then is not the next, and without anything later there is none."""
    async with storage.unit_of_work() as uow:
        first, second = [await uow.events.append(event()) for _ in range(2)]
        await uow.outbox.add(first, "late", due=later(5))
        await uow.outbox.add(second, "late", due=later(9))
        assert await uow.outbox.next_due("late") == later(5)
        assert await uow.outbox.next_due("late", after=later(4)) == later(5)
        assert await uow.outbox.next_due("late", after=later(5)) == later(9)
        assert await uow.outbox.next_due("late", after=later(9)) is None


async def test_what_waits_for_nobody(storage: Storage) -> None:
    """Deliveries to endpoints that are not configured are told, and can be given up for good."""
    async with storage.unit_of_work() as uow:
        first = await announced(uow, "old")
        for name in ("old", "crm"):
            await announced(uow, name)
        await uow.commit()
    async with storage.unit_of_work() as uow:
        stranded = await uow.outbox.stranded(["crm"])
        assert {name: queue.count for name, queue in stranded.items()} == {"old": 2}
        assert await uow.outbox.give_up("old", reason="dropped") == 2
        await uow.commit()
    async with storage.read() as uow:
        assert await uow.outbox.stranded(["crm"]) == {}
        (delivery,) = await uow.outbox.for_event(first)
        assert set(await uow.outbox.waiting()) == {"crm"}
    assert (delivery.status, delivery.next_attempt_at) == (DeliveryStatus.FAILED, None)
    assert delivery.last_error == "dropped"
