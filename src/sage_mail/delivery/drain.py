"""The way out: deliveries leave the outbox, one supervised task an endpoint.

The laws of this module:

- A delivery is attempted from its committed row alone, and what came of it is committed before it
  is attempted again. What dies in between is sent once more, under the same ``webhook-id``.
- A commit wakes the drains, so an idle one posts within milliseconds.
- An endpoint that hangs holds its own few connections and nothing else.
- Cancelling stops a drain at once: a POST under way is given up and its delivery stays pending, but
  an answer that has come is still recorded.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sage_mail.delivery.recorder import Recorder, Result
from sage_mail.delivery.schedule import Delivered, GivenUp, RetryAt, verdict
from sage_mail.delivery.sender import Outcome, Sender
from sage_mail.delivery.signing import signature_headers
from sage_mail.delivery.wire import encode
from sage_mail.errors import ConfigError, StorageError
from sage_mail.faults import reach
from sage_mail.records import AttemptRecord, DeliveryRecord
from sage_mail.settings import WebhookSettings
from sage_mail.storage import Storage, Wakeups
from sage_mail.telemetry import get_logger

__all__ = ["Clock", "Drains", "EndpointDrain"]

Clock = Callable[[], datetime]

_log = get_logger(__name__)

# Other processes (the CLI) commit without waking us; this is how long they may have to wait.
_LONGEST_SLEEP = 10.0
# Deliveries read from the outbox at once, so that a backlog does not cost a query each.
_AT_ONCE = 50
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 30.0
_OUTAGE_PAUSE = 2.0
# Of the seconds that a stop may take in all, those for the record of an answer that has come.
_LAST_MOMENT = 2.0


def _now() -> datetime:
    return datetime.now(UTC)


class EndpointDrain:
    """Delivers what waits for one endpoint, the longest due first, a few at a time.

    Args:
        storage: the store with the outbox.
        endpoint: where to, in which format, signed with what.
        clock: what time it is, for due times and timestamps.
        chance: a number from 0 to 1, for the jitter of the pauses.
    """

    def __init__(
        self,
        storage: Storage,
        endpoint: WebhookSettings,
        *,
        clock: Clock = _now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._storage = storage
        self._endpoint = endpoint
        self._clock = clock
        self._chance = chance
        self._recorder = Recorder(storage)
        self._ready: deque[DeliveryRecord] = deque()
        self._under_way: set[int] = set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        endpoint = self._endpoint
        self._ready.clear()
        async with (
            Sender(
                endpoint.url, timeout=endpoint.timeout, connections=endpoint.concurrency
            ) as sender,
            self._storage.commits.subscribe() as wakeups,
            asyncio.TaskGroup() as group,
        ):
            while True:
                pause = _LONGEST_SLEEP if self._ready else await self._look()
                while self._ready and len(self._under_way) < endpoint.concurrency:
                    delivery = self._ready.popleft()
                    self._under_way.add(delivery.id)
                    group.create_task(self._deliver(delivery, sender, wakeups))
                await wakeups.wait(pause)

    async def _look(self) -> float:
        """Read what is due into `_ready`; returns the seconds until there may be more."""
        # What is under way when we look may be read as pending and yet be over when we have read.
        known = set(self._under_way)
        now = self._clock()
        horizon = now + timedelta(seconds=_LONGEST_SLEEP)
        limit = len(known) + _AT_ONCE
        try:
            async with self._storage.read() as uow:
                soon = await uow.outbox.due(self._endpoint.name, horizon, limit=limit)
        except StorageError as error:
            _log.error("outbox_unreadable", endpoint=self._endpoint.name, error=str(error))
            return _OUTAGE_PAUSE
        pauses = [_LONGEST_SLEEP]
        for delivery in soon:
            seconds = _seconds_to(delivery.next_attempt_at, now)
            if seconds > 0:
                pauses.append(seconds)
            elif delivery.id not in known:
                self._ready.append(delivery)
        return min(pauses)

    async def _deliver(self, delivery: DeliveryRecord, sender: Sender, wakeups: Wakeups) -> None:
        try:
            started = self._clock()
            outcome = await self._attempt(delivery, sender, started)
            reach("after-post")
            await _to_its_end(self._record(delivery, outcome, started))
        finally:
            self._under_way.discard(delivery.id)
            wakeups.wake()

    async def _attempt(
        self, delivery: DeliveryRecord, sender: Sender, started: datetime
    ) -> Outcome:
        endpoint = self._endpoint
        try:
            body = encode(delivery.event, format=endpoint.format, endpoint=endpoint.name)
            # In a thread, because a keyring may ask its daemon.
            secret = await asyncio.to_thread(endpoint.resolve_secret)
            headers = signature_headers(delivery.webhook_id, body, at=started, secret=secret)
        except ConfigError as error:
            return Outcome(error=f"nothing was sent: {error}")
        return await sender.post(body, headers)

    async def _record(self, delivery: DeliveryRecord, outcome: Outcome, started: datetime) -> None:
        """Write down what came of the attempt; the slot stays taken until that is committed."""
        number = delivery.attempts + 1
        judged = verdict(
            attempts=number,
            max_attempts=self._endpoint.max_attempts,
            status=outcome.status,
            asked_pause=outcome.asked_pause,
            now=self._clock(),
            chance=self._chance,
        )
        attempt = AttemptRecord(
            number=number,
            started_at=started,
            latency_ms=round(outcome.latency * 1000),
            status_code=outcome.status,
            error=outcome.error,
            response=outcome.excerpt or None,
        )
        result = Result(delivery, attempt, judged)
        await self._recorder.record(result)
        _tell(result)


class Drains:
    """The drains of all endpoints; one that fails is started anew, and the others do not notice."""

    def __init__(
        self,
        storage: Storage,
        endpoints: Sequence[WebhookSettings],
        *,
        clock: Clock = _now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._drains = {
            endpoint.name: EndpointDrain(storage, endpoint, clock=clock, chance=chance)
            for endpoint in endpoints
        }

    async def run(self) -> None:
        """Deliver to all endpoints until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, drain in self._drains.items():
                group.create_task(_supervise(name, drain), name=f"drain of {name}")
            await asyncio.Event().wait()


async def _supervise(name: str, drain: EndpointDrain) -> None:
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


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await the work; if we are cancelled meanwhile it has a moment to finish before we end."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_LAST_MOMENT)
        task.cancel()
        await asyncio.wait({task})
        raise


def _seconds_to(moment: datetime | None, now: datetime) -> float:
    return (moment - now).total_seconds() if moment is not None else 0.0


def _tell(result: Result) -> None:
    delivery, attempt = result.delivery, result.attempt
    facts = {
        "endpoint": delivery.endpoint,
        "webhook_id": delivery.webhook_id,
        "sequence": delivery.event.seq,
        "attempt": attempt.number,
        "status": attempt.status_code,
        "latency_ms": attempt.latency_ms,
    }
    match result.verdict:
        case Delivered():
            _log.info("webhook_delivered", **facts)
        case RetryAt(moment):
            seconds = round((moment - attempt.started_at) / timedelta(seconds=1))
            _log.warning("webhook_attempt_failed", **facts, error=attempt.error, retry_in=seconds)
        case GivenUp(reason):
            _log.error("webhook_given_up", **facts, error=attempt.error, reason=reason)
