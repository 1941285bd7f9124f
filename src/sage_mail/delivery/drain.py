"""The way out: deliveries leave the outbox, one supervised task an endpoint.

The laws of this module:

- A delivery is attempted from its committed row alone, and what came of it is committed before it
  is attempted again. What dies in between is sent once more, under the same ``webhook-id``.
- A commit wakes the drains, so an idle one posts within milliseconds.
- An endpoint that hangs holds its own few connections and threads and nothing else.
- While an endpoint is disabled its deliveries wait; they are sent once it is enabled.
- Cancelling stops a drain at once: a POST under way is given up and its delivery stays pending, but
  an answer that has come is still recorded.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sage_mail.delivery.announce import Subscriber
from sage_mail.delivery.composer import Composer, sender_for
from sage_mail.delivery.contents import ContentReader, FetchRaw
from sage_mail.delivery.pacing import Pacer
from sage_mail.delivery.recorder import Recorder, to_its_end
from sage_mail.delivery.results import Result
from sage_mail.delivery.schedule import Delivered, GivenUp, RetryAt, verdict
from sage_mail.delivery.sender import Outcome, Sender
from sage_mail.delivery.warden import Warden
from sage_mail.errors import ConfigError, StorageError
from sage_mail.faults import reach
from sage_mail.metrics import Metrics
from sage_mail.records import AttemptRecord, DeliveryRecord
from sage_mail.settings import WebhookSettings
from sage_mail.storage import Storage, Wakeups
from sage_mail.telemetry import get_logger

__all__ = ["Clock", "EndpointDrain"]

Clock = Callable[[], datetime]

_log = get_logger(__name__)

# Other processes (the CLI) commit without waking us; this is how long they may have to wait.
_LONGEST_SLEEP = 10.0
# Deliveries read from the outbox at once, so that a backlog does not cost a query each.
_AT_ONCE = 50
_OUTAGE_PAUSE = 2.0


def _now() -> datetime:
    return datetime.now(UTC)


class EndpointDrain:
    """Delivers what waits for one endpoint, the longest due first, a few at a time.

    Args:
        storage: the store with the outbox.
        endpoint: where to, in which format, signed with what.
        others: the endpoints that hear when this one is disabled.
        fetch: asks the mail server for a message that the store does not have.
        clock: what time it is, for due times and timestamps.
        chance: a number from 0 to 1, for the jitter of the pauses.
        metrics: where attempts are counted and timed.
    """

    def __init__(
        self,
        storage: Storage,
        endpoint: WebhookSettings,
        *,
        others: Sequence[Subscriber] = (),
        fetch: FetchRaw | None = None,
        clock: Clock = _now,
        chance: Callable[[], float] = random.random,
        metrics: Metrics | None = None,
    ) -> None:
        self._storage = storage
        self._endpoint = endpoint
        self._clock = clock
        self._chance = chance
        self._metrics = metrics or Metrics()
        self._composer = Composer(endpoint, ContentReader(storage, fetch=fetch))
        self._recorder = Recorder(storage, Warden(endpoint.name, others).judge)
        self._pacer = Pacer(endpoint.rate_limit)
        self._ready: deque[DeliveryRecord] = deque()
        self._read_at = 0.0
        self._under_way: set[int] = set()
        self._failures = 0
        self.is_at_work = False

    async def run(self) -> None:
        """Deliver until cancelled; ``is_at_work`` is true meanwhile."""
        self.is_at_work = True
        try:
            await self._work()
        finally:
            self.is_at_work = False

    async def _work(self) -> None:
        self._ready.clear()
        async with (
            sender_for(self._endpoint) as sender,
            self._storage.commits.subscribe() as wakeups,
            asyncio.TaskGroup() as group,
        ):
            while True:
                pause = _LONGEST_SLEEP if self._is_fresh() else await self._look()
                while self._ready and len(self._under_way) < self._endpoint.concurrency:
                    wait = self._pacer.pause(time.monotonic())
                    if wait:
                        pause = min(pause, wait)
                        break
                    delivery = self._ready.popleft()
                    self._under_way.add(delivery.id)
                    group.create_task(self._deliver(delivery, sender, wakeups))
                await wakeups.wait(pause)

    def _is_fresh(self) -> bool:
        """True if there is something to send, read so lately that it is still to be sent."""
        return bool(self._ready) and time.monotonic() - self._read_at < _LONGEST_SLEEP

    async def _look(self) -> float:
        """Read what is due into `_ready`; returns the seconds until there may be more."""
        # What is under way when we look may be read as pending and yet be over when we have read.
        known, failures = set(self._under_way), self._failures
        now = self._clock()
        self._ready.clear()
        self._read_at = time.monotonic()
        try:
            soon = await self._due_before(now + timedelta(seconds=_LONGEST_SLEEP), len(known))
        except StorageError as error:
            _log.error("outbox_unreadable", endpoint=self._endpoint.name, error=str(error))
            return _OUTAGE_PAUSE
        if failures != self._failures:
            return 0.0  # the endpoint may have been disabled while we read
        pauses = [_LONGEST_SLEEP]
        for delivery in soon:
            seconds = _seconds_to(delivery.next_attempt_at, now)
            if seconds > 0:
                pauses.append(seconds)
            elif delivery.id not in known:
                self._ready.append(delivery)
        return min(pauses)

    async def _due_before(self, horizon: datetime, under_way: int) -> list[DeliveryRecord]:
        """The deliveries due before the instant; none while the endpoint is disabled."""
        name = self._endpoint.name
        async with self._storage.read() as uow:
            if not (await uow.endpoints.get(name)).enabled:
                return []
            return await uow.outbox.due(
                name, horizon, limit=under_way + _AT_ONCE, ordered=self._endpoint.ordered
            )

    async def _deliver(self, delivery: DeliveryRecord, sender: Sender, wakeups: Wakeups) -> None:
        try:
            started = self._clock()
            outcome = await self._attempt(delivery, sender, started)
            reach("after-post")
            await to_its_end(self._record(delivery, outcome, started))
        except StorageError as error:
            # Nothing was sent, since the message itself cannot be read: no fault of the endpoint.
            _log.error("outbox_unreadable", endpoint=self._endpoint.name, error=str(error))
            await asyncio.sleep(_OUTAGE_PAUSE)
        finally:
            self._under_way.discard(delivery.id)
            wakeups.wake()

    async def _attempt(
        self, delivery: DeliveryRecord, sender: Sender, started: datetime
    ) -> Outcome:
        try:
            request = await self._composer.compose(delivery, at=started, threads=sender.threads)
        except ConfigError as error:
            return Outcome(error=f"nothing was sent: {error}")
        return await sender.post(request.body, request.headers)

    async def _record(self, delivery: DeliveryRecord, outcome: Outcome, started: datetime) -> None:
        """Write down what came of the attempt; the slot stays taken until that is committed."""
        number, answered = delivery.attempts + 1, time.monotonic()
        judged = verdict(
            attempts=number - delivery.earlier_attempts,
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
        self._metrics.attempted(delivery.endpoint, delivery.event.seq, judged, answered)
        if not outcome.delivered:
            # It may be disabled now; what has been read is not to be sent then.
            self._failures += 1
            self._ready.clear()
        _tell(result)


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
