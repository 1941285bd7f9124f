"""All that leaves the outbox: a supervised task for each endpoint and each notification channel."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from sage_mail.delivery.announce import Subscriber
from sage_mail.delivery.contents import FetchRaw
from sage_mail.delivery.drain import EndpointDrain
from sage_mail.delivery.notifications import NotificationDrain, NotificationSettings
from sage_mail.delivery.queue import Clock
from sage_mail.metrics import Metrics
from sage_mail.settings import WebhookSettings
from sage_mail.storage import Storage
from sage_mail.telemetry import get_logger

__all__ = ["Drains"]

_log = get_logger(__name__)

_FIRST_BACKOFF: Final = 0.5
_LONGEST_BACKOFF: Final = 30.0


class _Drain(Protocol):
    @property
    def is_at_work(self) -> bool: ...

    async def run(self) -> None: ...


def _now() -> datetime:
    return datetime.now(UTC)


class Drains:
    """The drains of all endpoints; one that fails is started anew, and the others do not notice."""

    def __init__(
        self,
        storage: Storage,
        endpoints: Sequence[WebhookSettings],
        *,
        notifications: Sequence[NotificationSettings] = (),
        fetch: FetchRaw | None = None,
        clock: Clock = _now,
        chance: Callable[[], float] = random.random,
        metrics: Metrics | None = None,
    ) -> None:
        everybody: list[Subscriber] = [*endpoints, *notifications]
        self._drains: dict[str, _Drain] = {
            endpoint.name: EndpointDrain(
                storage,
                endpoint,
                others=[other for other in everybody if other is not endpoint],
                fetch=fetch,
                clock=clock,
                chance=chance,
                metrics=metrics,
            )
            for endpoint in endpoints
        }
        self._drains |= {
            channel.name: NotificationDrain(
                storage,
                channel,
                others=[other for other in everybody if other is not channel],
                clock=clock,
                chance=chance,
            )
            for channel in notifications
        }

    @property
    def at_rest(self) -> list[str]:
        """The endpoints whose drain does not run now: it has failed and waits to start anew."""
        return [name for name, drain in self._drains.items() if not drain.is_at_work]

    async def run(self) -> None:
        """Deliver to all endpoints until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, drain in self._drains.items():
                group.create_task(_supervise(name, drain), name=f"drain of {name}")
            await asyncio.Event().wait()


async def _supervise(name: str, drain: _Drain) -> None:
    backoff = _FIRST_BACKOFF
    loop = asyncio.get_running_loop()
    while True:
        started = loop.time()
        try:
            await drain.run()
        except Exception as error:  # noqa: BLE001 - the edge: one endpoint must not end the others
            _log.error("drain_failed", endpoint=name, error=type(error).__name__, exc_info=True)
        if loop.time() - started > _LONGEST_BACKOFF:
            backoff = _FIRST_BACKOFF
        await asyncio.sleep(backoff)
        backoff = min(backoff * 2, _LONGEST_BACKOFF)
