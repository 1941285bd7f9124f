"""Endpoints, drains and what is asked of them, for the tests of delivery."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from sage_mail.delivery.announce import Subscriber, announce
from sage_mail.delivery.contents import FetchRaw
from sage_mail.delivery.drains import Drains
from sage_mail.delivery.events import EventType
from sage_mail.records import AttemptRecord, DeliveryRecord, DeliveryStatus, EndpointRecord
from sage_mail.settings import WebhookSettings
from sage_mail.storage import Storage
from tests.sage_mail.delivery.samples import new_event
from tests.support.receiver import Receiver

__all__ = [
    "SECRET",
    "Clock",
    "announced",
    "attempts_of",
    "delivery_when",
    "draining",
    "endpoint_for",
    "has_status",
    "standing",
    "tried",
]

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Clock:
    """The present, which a test can put forward and stop."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._stopped: datetime | None = None

    def __call__(self) -> datetime:
        return (self._stopped or datetime.now(UTC)) + self.ahead

    def stop(self) -> None:
        """Let no time pass from now on, but for what the test puts it forward."""
        self._stopped = datetime.now(UTC)


def endpoint_for(receiver: Receiver, **changes: object) -> WebhookSettings:
    """An endpoint of the name ``crm`` at the receiver, signed."""
    values: dict[str, object] = {
        "name": "crm",
        "url": receiver.url,
        "allow_private": True,
        "secret": SecretStr(SECRET),
    }
    return WebhookSettings.model_validate({**values, **changes})


@asynccontextmanager
async def draining(
    storage: Storage,
    *endpoints: WebhookSettings,
    clock: Callable[[], datetime] | None = None,
    fetch: FetchRaw | None = None,
) -> AsyncIterator[asyncio.Task[None]]:
    """The drains of the endpoints, without jitter if there is a clock."""
    drains = (
        Drains(storage, endpoints, clock=clock, chance=lambda: 0.0, fetch=fetch)
        if clock
        else Drains(storage, endpoints, fetch=fetch)
    )
    task = asyncio.create_task(drains.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def announced(
    storage: Storage,
    endpoints: Sequence[Subscriber],
    count: int = 1,
    *,
    account: str = "work",
    type_: EventType = EventType.MESSAGE_NEW,
    **data: Any,
) -> list[int]:
    """Commit so many events; returns their numbers."""
    async with storage.unit_of_work() as uow:
        records = [
            await announce(uow, new_event(type_, account=account, number=n, **data), endpoints)
            for n in range(count)
        ]
        await uow.commit()
    return [record.seq for record in records]


async def delivery_when(
    storage: Storage, seq: int, check: Callable[[DeliveryRecord], bool], endpoint: str = "crm"
) -> DeliveryRecord:
    """The delivery of the event to the endpoint, as soon as it is as the check wants it."""
    async with asyncio.timeout(20), storage.commits.subscribe() as wakeups:
        while True:
            async with storage.read() as uow:
                for delivery in await uow.outbox.for_event(seq):
                    if delivery.endpoint == endpoint and check(delivery):
                        return delivery
            # Attempts do not wake anybody but their drain, so look again before long.
            await wakeups.wait(0.02)


async def attempts_of(storage: Storage, delivery: DeliveryRecord) -> list[AttemptRecord]:
    """The delivery's attempts, first to last."""
    async with storage.read() as uow:
        return await uow.outbox.attempts(delivery.id)


async def standing(storage: Storage, endpoint: str = "crm") -> EndpointRecord:
    """What is noted of the endpoint."""
    async with storage.read() as uow:
        return await uow.endpoints.get(endpoint)


def has_status(status: DeliveryStatus) -> Callable[[DeliveryRecord], bool]:
    """True of a delivery that stands so."""
    return lambda delivery: delivery.status == status


def tried(times: int) -> Callable[[DeliveryRecord], bool]:
    """True of a delivery that was tried so often."""
    return lambda delivery: delivery.attempts == times
