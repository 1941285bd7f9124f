"""From the outbox to a service: once each, together where wanted, and again after failures."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from sage_mail.delivery.announce import announce
from sage_mail.delivery.drains import Drains
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.delivery.notifications import NotificationSettings
from sage_mail.records import AttemptRecord, DeliveryRecord, DeliveryStatus
from sage_mail.storage import Storage
from tests.sage_mail.delivery.draining import Clock, delivery_when, has_status, tried
from tests.support.receiver import Answer, Receiver
from tests.support.tenure import Wavering

_OK = Answer(body=b"{}")


def _channel(receiver: Receiver, **changes: Any) -> NotificationSettings:
    url = SecretStr(f"ntfy://127.0.0.1:{receiver.port}/lamps")
    return NotificationSettings.model_validate(
        {"name": "phone", "channel": "push", "url": url, "title": "{{ subject }}", **changes}
    )


@asynccontextmanager
async def _running(
    storage: Storage, channel: NotificationSettings, clock: Clock | None = None
) -> AsyncIterator[None]:
    drains = Drains(
        storage, [], notifications=[channel], clock=clock or Clock(), chance=lambda: 0.0
    )
    task = asyncio.create_task(drains.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _arrive(storage: Storage, channel: NotificationSettings, *subjects: str) -> None:
    async with storage.unit_of_work() as uow:
        for subject in subjects:
            data = {
                "subject": subject,
                "priority": "medium",
                "from": {"name": "Ada", "address": "ada@example.org"},
            }
            event = NewEvent(
                type=EventType.MESSAGE_NEW,
                account="work",
                mailbox="INBOX",
                occurred_at=datetime.now(UTC),
                data=data,
            )
            await announce(uow, event, [channel])
        await uow.commit()


async def _settled(storage: Storage, count: int, *, seconds: float = 15) -> list[DeliveryRecord]:
    """All deliveries, once so many are over."""
    async with asyncio.timeout(seconds), storage.commits.subscribe() as wakeups:
        while True:
            async with storage.read() as uow:
                found = await uow.outbox.latest(100)
            if sum(each.status is not DeliveryStatus.PENDING for each in found) >= count:
                return found
            await wakeups.wait(0.2)


def _titles(receiver: Receiver) -> list[str]:
    return [json.loads(request.body)["title"] for request in receiver.requests]


async def test_each_message_is_told_once(storage: Storage) -> None:
    """Messages are told in their order; one that was told shortly before is not told again."""
    async with Receiver(default=_OK) as receiver:
        channel = _channel(receiver)
        await _arrive(storage, channel, "one", "two", "one")
        async with _running(storage, channel):
            settled = await _settled(storage, 3)
        async with _running(storage, channel):  # which remembers
            await _arrive(storage, channel, "two", "three")
            await _settled(storage, 5)

    assert _titles(receiver) == ["one", "two", "three"]
    assert {each.status for each in settled} == {DeliveryStatus.DELIVERED}


async def test_a_failure_is_tried_again(storage: Storage) -> None:
    """While the service is down the schedule is followed; once it is up, there is one text."""
    clock = Clock()
    async with Receiver(default=_OK) as receiver:
        receiver.script(Answer(status=500), Answer(status=500))
        channel = _channel(receiver)
        await _arrive(storage, channel, "one")
        async with _running(storage, channel, clock):
            await delivery_when(storage, 1, tried(1), "phone")
            clock.ahead = timedelta(seconds=6)
            storage.commits.notify()
            await delivery_when(storage, 1, tried(2), "phone")
            clock.ahead = timedelta(minutes=6)
            storage.commits.notify()
            (delivery,) = await _settled(storage, 1, seconds=30)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 3)


async def test_a_repeat_of_what_was_not_told(storage: Storage) -> None:
    """When the first of two alike has failed the second stands in for it: there is one text."""
    clock = Clock()
    async with Receiver(default=_OK) as receiver:
        receiver.script(Answer(status=500))
        channel = _channel(receiver)
        await _arrive(storage, channel, "one", "one")
        async with _running(storage, channel, clock):
            await delivery_when(storage, 2, has_status(DeliveryStatus.DELIVERED), "phone")
            assert len(receiver.requests) == 2
            clock.ahead = timedelta(seconds=6)
            storage.commits.notify()
            found = await _settled(storage, 2)

        assert len(receiver.requests) == 2
    assert {each.status for each in found} == {DeliveryStatus.DELIVERED}


async def test_it_is_given_up_at_last(storage: Storage) -> None:
    """After the last attempt the delivery has failed, with its reason."""
    async with Receiver(default=Answer(status=500)) as receiver:
        channel = _channel(receiver, max_attempts=1)
        await _arrive(storage, channel, "one")
        async with _running(storage, channel):
            (delivery,) = await _settled(storage, 1)

    assert delivery.status is DeliveryStatus.FAILED
    assert delivery.last_error == "the service refused it with HTTP 500"


async def test_what_a_clock_that_was_ahead_has_written(storage: Storage) -> None:
    """What would be due in years is told now."""
    async with Receiver(default=_OK) as receiver:
        channel = _channel(receiver)
        await _arrive(storage, channel, "one")
        async with storage.unit_of_work() as uow:
            await uow.outbox.put_off(1, until=datetime.now(UTC) + timedelta(days=400))
            await uow.commit()
        async with _running(storage, channel):
            await _settled(storage, 1)

    assert _titles(receiver) == ["one"]


async def test_a_text_that_cannot_be_made(storage: Storage) -> None:
    """A subject that breaks the channel's template is a failed attempt; the others are told."""
    async with Receiver(default=_OK) as receiver:
        channel = _channel(receiver, title="{{ subject.format() }}", max_attempts=1)
        await _arrive(storage, channel, "one", "{x}", "three")
        async with _running(storage, channel):
            odd = await delivery_when(storage, 2, has_status(DeliveryStatus.FAILED), "phone")
            await _settled(storage, 3)

    assert _titles(receiver) == ["one", "three"]
    assert odd.last_error == "nothing was sent: the template failed with KeyError"


async def test_a_digest(storage: Storage) -> None:
    """What has come within the time is told in one text, and each delivery knows it."""
    clock = Clock()
    async with Receiver(default=_OK) as receiver:
        channel = _channel(receiver, digest=86_400)
        await _arrive(storage, channel, "one", "two", "three")
        async with _running(storage, channel, clock):
            async with asyncio.timeout(10):
                while not await _all_wait(storage):
                    await asyncio.sleep(0.02)
            assert receiver.requests == []
            clock.ahead = timedelta(days=1)
            storage.commits.notify()
            await _settled(storage, 3, seconds=30)

    (request,) = receiver.requests
    said = json.loads(request.body)
    assert said["title"] == "3 new messages"
    assert said["message"].splitlines() == ["Ada: one", "Ada: two", "Ada: three"]


async def _all_wait(storage: Storage) -> bool:
    async with storage.read() as uow:
        found = await uow.outbox.latest(10)
    due = [(each.next_attempt_at, each.event.occurred_at) for each in found]
    return all(moment is not None and moment > arrived for moment, arrived in due)


async def test_a_template_that_fails_is_no_loss_of_others(storage: Storage) -> None:
    """The delivery fails with the reason; strangers' words are never a template."""
    async with Receiver(default=_OK) as receiver:
        channel = _channel(receiver, title="{{ subject }}{{ 1 // (subject|length - 3) }}")
        await _arrive(storage, channel, "{{ 7*7 }}", "two")
        async with _running(storage, channel):
            async with asyncio.timeout(10):
                while len(receiver.requests) < 1:
                    await asyncio.sleep(0.02)
            async with storage.read() as uow:
                failed = [each.last_error for each in await uow.outbox.latest(10)]

    assert _titles(receiver) == ["{{ 7*7 }}0"]
    assert None in failed


async def test_a_loss_in_the_last_moment(storage: Storage) -> None:
    """A channel that is about to tell when its place on the database is lost looks anew first."""
    storage.tenure = tenure = Wavering(slips=True)
    async with Receiver(default=_OK) as receiver:
        channel = _channel(receiver)
        await _arrive(storage, channel, "one")
        async with _running(storage, channel):
            (delivery,) = await _settled(storage, 1)

    assert tenure.refused.is_set()
    assert _titles(receiver) == ["one"]
    assert delivery.attempts == 1


async def test_nobody_is_told_what_another_service_has_told(storage: Storage) -> None:
    """While another may run nothing is told, and afterwards what that one has left."""
    storage.tenure = tenure = Wavering()
    tenure.lose()
    async with Receiver(default=_OK) as receiver:
        channel = _channel(receiver)
        await _arrive(storage, channel, "one", "two")
        async with _running(storage, channel):
            await tenure.asked.wait()
            assert receiver.requests == []
            async with storage.unit_of_work() as uow:
                (delivery,) = await uow.outbox.for_event(1)
                attempt = AttemptRecord(number=1, started_at=datetime.now(UTC), latency_ms=1)
                await uow.outbox.record_attempt(delivery.id, attempt, DeliveryStatus.DELIVERED)
                await uow.commit()
            tenure.regain()
            await _settled(storage, 2)

    assert _titles(receiver) == ["two"]
