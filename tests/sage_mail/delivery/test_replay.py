"""Once more: one delivery, a range of events, all since a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sage_mail.delivery.events import EventType
from sage_mail.delivery.replay import Range, replay_delivery, replay_range
from sage_mail.records import DeliveryStatus
from sage_mail.storage import Storage
from tests.sage_mail.delivery.draining import (
    announced,
    attempts_of,
    delivery_when,
    draining,
    endpoint_for,
    has_status,
    tried,
)
from tests.support.receiver import Answer, Receiver


async def test_one_delivery_under_its_own_id(storage: Storage, receiver: Receiver) -> None:
    """A delivery that was received is sent again with the same id, and its attempts go on."""
    endpoint = endpoint_for(receiver)
    async with draining(storage, endpoint):
        (seq,) = await announced(storage, [endpoint])
        done = await delivery_when(storage, seq, has_status(DeliveryStatus.DELIVERED))
        assert await replay_delivery(storage, done.id, endpoint="crm", at=datetime.now(UTC))
        first, second = await receiver.received(2)
        again = await delivery_when(storage, seq, tried(2))
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert [attempt.number for attempt in await attempts_of(storage, again)] == [1, 2]


async def test_a_replay_begins_the_schedule_anew(storage: Storage, receiver: Receiver) -> None:
    """A delivery whose attempts were used up gets all of them again."""
    endpoint = endpoint_for(receiver, max_attempts=1)
    receiver.script(Answer(status=500))
    async with draining(storage, endpoint):
        (seq,) = await announced(storage, [endpoint])
        failed = await delivery_when(storage, seq, has_status(DeliveryStatus.FAILED))
        await replay_delivery(storage, failed.id, endpoint="crm", at=datetime.now(UTC))
        await delivery_when(storage, seq, has_status(DeliveryStatus.DELIVERED))


async def test_what_is_not_there_is_not_replayed(storage: Storage, receiver: Receiver) -> None:
    """An unknown number, or another endpoint's delivery, changes nothing."""
    endpoint = endpoint_for(receiver)
    (seq,) = await announced(storage, [endpoint])
    async with storage.read() as uow:
        (delivery,) = await uow.outbox.for_event(seq)
    now = datetime.now(UTC)
    assert not await replay_delivery(storage, 999, endpoint="crm", at=now)
    assert not await replay_delivery(storage, delivery.id, endpoint="other", at=now)


async def test_a_range_of_events(storage: Storage, receiver: Receiver) -> None:
    """The numbers from one to another, if the endpoint wants them as it is set now."""
    endpoint = endpoint_for(receiver, events=["message.new"])
    await announced(storage, [], 4)
    await announced(storage, [], 2, type_=EventType.MESSAGE_DELETED)
    await announced(storage, [], 4)
    range_ = Range(first=3, last=8)
    assert await replay_range(storage, endpoint, range_, at=datetime.now(UTC)) == 4
    async with draining(storage, endpoint):
        await receiver.received(4)
    assert sorted(each.json()["sequence"] for each in receiver.requests) == [3, 4, 7, 8]


async def test_since_a_moment(storage: Storage, receiver: Receiver) -> None:
    """Events that are older stay as they are; a moment after all of them finds none."""
    endpoint = endpoint_for(receiver)
    await announced(storage, [], 3)
    moment = datetime.now(UTC)
    later = await announced(storage, [], 2)
    now = datetime.now(UTC)
    assert await replay_range(storage, endpoint, Range(since=moment), at=now) == 2
    future = Range(since=now + timedelta(days=1))
    assert await replay_range(storage, endpoint, future, at=now) == 0
    async with storage.read() as uow:
        due = await uow.outbox.due("crm", now)
    assert [delivery.event.seq for delivery in due] == later


async def test_more_than_a_page(storage: Storage, receiver: Receiver) -> None:
    """Thousands of events are replayed in portions, each of them once."""
    endpoint = endpoint_for(receiver)
    await announced(storage, [], 1200)
    now = datetime.now(UTC)
    assert await replay_range(storage, endpoint, Range(), at=now) == 1200
    assert await replay_range(storage, endpoint, Range(first=501), at=now) == 700
    async with storage.read() as uow:
        assert (await uow.outbox.counts())["crm"] == {DeliveryStatus.PENDING: 1200}
