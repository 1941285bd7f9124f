"""The outbox in order of accounts, replayed, and its latest attempts."""

from __future__ import annotations

from sage_mail.records import AttemptRecord, DeliveryStatus
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import NOW, announced, event, later


def _attempt(number: int, **changes: object) -> AttemptRecord:
    values: dict[str, object] = {"number": number, "started_at": later(number), "latency_ms": 5}
    return AttemptRecord(**{**values, **changes})  # type: ignore[arg-type]


async def test_in_order_only_the_first_of_each_account_is_due(storage: Storage) -> None:
    """The oldest pending one of an account blocks the rest, even while it is not due itself."""
    async with storage.unit_of_work() as uow:
        for account in ("office", "home", "office", "home", ""):
            await announced(uow, account=account)
        blocking = (await uow.outbox.due("hook", NOW))[0]
        retry = DeliveryStatus.PENDING
        await uow.outbox.record_attempt(blocking.id, _attempt(1), retry, next_attempt_at=later(60))
        await uow.commit()
    async with storage.read() as uow:
        due = await uow.outbox.due("hook", NOW, ordered=True)
        assert [delivery.event.seq for delivery in due] == [2, 5]
        due = await uow.outbox.due("hook", later(60), ordered=True)
        assert [delivery.event.seq for delivery in due] == [2, 5, 1]
        assert len(await uow.outbox.due("hook", NOW)) == 4


async def test_a_replay_keeps_id_and_attempts(storage: Storage) -> None:
    """A delivery that is through, or failed, is pending again; its schedule begins anew."""
    async with storage.unit_of_work() as uow:
        seq = await announced(uow)
        (before,) = await uow.outbox.for_event(seq)
        await uow.outbox.record_attempt(before.id, _attempt(1, error="x"), DeliveryStatus.FAILED)
        record = await uow.events.get(seq)
        assert record is not None
        await uow.outbox.replay("hook", [record], at=later(9))
        await uow.commit()
    async with storage.read() as uow:
        (after,) = await uow.outbox.for_event(seq)
        assert (after.webhook_id, after.status) == (before.webhook_id, DeliveryStatus.PENDING)
        assert (after.attempts, after.earlier_attempts) == (1, 1)
        assert (after.next_attempt_at, after.last_error) == (later(9), None)
        assert len(await uow.outbox.attempts(after.id)) == 1


async def test_a_replay_of_what_was_never_sent(storage: Storage) -> None:
    """An endpoint that is new gets a delivery of an old event; other endpoints' stay."""
    async with storage.unit_of_work() as uow:
        seq = await announced(uow, "old")
        record = await uow.events.get(seq)
        assert record is not None
        await uow.outbox.replay("new", [record], at=later(1))
        await uow.commit()
    async with storage.read() as uow:
        deliveries = {each.endpoint: each for each in await uow.outbox.for_event(seq)}
        assert deliveries["new"].next_attempt_at == later(1)
        assert deliveries["old"].next_attempt_at == NOW


async def test_what_waits_is_hurried(storage: Storage) -> None:
    """Pauses are cut short for one endpoint; what is due already keeps its place."""
    async with storage.unit_of_work() as uow:
        for endpoint in ("hook", "hook", "other"):
            record = await uow.events.append(event())
            await uow.outbox.add(record, endpoint, due=later(0 if record.seq == 1 else 900))
        await uow.commit()
    async with storage.unit_of_work() as uow:
        await uow.outbox.hurry("hook", at=later(5))
        await uow.commit()
    async with storage.read() as uow:
        due = await uow.outbox.due("hook", later(5))
        assert [delivery.next_attempt_at for delivery in due] == [NOW, later(5)]
        assert await uow.outbox.next_due("other") == later(900)


async def test_latest_attempts(storage: Storage) -> None:
    """The endpoint's attempts with their deliveries, the latest first; the failed ones alone."""
    async with storage.unit_of_work() as uow:
        seq = await announced(uow)
        await announced(uow, "other")
        (delivery,) = await uow.outbox.for_event(seq)
        for number, error in ((1, "HTTP 500"), (2, None)):
            await uow.outbox.record_attempt(
                delivery.id,
                _attempt(number, error=error),
                DeliveryStatus.PENDING,
                next_attempt_at=NOW,
            )
        await uow.commit()
    async with storage.read() as uow:
        found = await uow.outbox.latest_attempts("hook")
        assert [attempt.number for _, attempt in found] == [2, 1]
        assert {made.id for made, _ in found} == {delivery.id}
        failed = await uow.outbox.latest_attempts("hook", failed=True)
        assert [attempt.number for _, attempt in failed] == [1]
        assert len(await uow.outbox.latest_attempts("hook", limit=1)) == 1
        assert await uow.outbox.latest_attempts("other") == []


async def test_the_first_event_since(storage: Storage) -> None:
    """The number of the first event that is not older than a moment."""
    async with storage.unit_of_work() as uow:
        for seconds in (0, 10, 20):
            await uow.events.append(event(occurred_at=later(seconds)))
        await uow.commit()
    async with storage.read() as uow:
        assert await uow.events.first_since(later(-5)) == 1
        assert await uow.events.first_since(later(10)) == 2
        assert await uow.events.first_since(later(21)) is None
