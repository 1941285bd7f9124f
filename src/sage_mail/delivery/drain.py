"""The way out: deliveries leave the outbox, one supervised task an endpoint.

The laws of this module:

- A delivery is attempted from its committed row alone, and what came of it is committed before it
  is attempted again. What dies in between is sent once more, under the same ``webhook-id``.
- A commit wakes the drains, so an idle one posts within milliseconds.
- No more deliveries of an endpoint are without their record than may be posted at a time: so many,
  and no more, are sent twice after a crash.
- An event that cannot be composed is an attempt that failed, and holds up none of the others.
- An endpoint that answers 429 or 503 with Retry-After gets nothing until then; after a restart it
  is asked once more.
- An endpoint that hangs holds its own few connections and threads and nothing else.
- No POST begins unless it is certain that this is the one service on the database, and was when
  the delivery was read.
- While an endpoint is disabled its deliveries wait; they are sent once it is enabled.
- Cancelling stops a drain at once: a POST under way is given up and its delivery stays pending, but
  an answer that has come is still recorded.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sage_mail.delivery.announce import Subscriber
from sage_mail.delivery.composer import Composer, sender_for
from sage_mail.delivery.contents import ContentReader, FetchRaw
from sage_mail.delivery.pacing import Pacer
from sage_mail.delivery.queue import Clock, Queue
from sage_mail.delivery.recorder import Recorder, to_its_end
from sage_mail.delivery.results import Result
from sage_mail.delivery.schedule import Delivered, GivenUp, RetryAt, verdict
from sage_mail.delivery.sender import Outcome, Sender
from sage_mail.delivery.warden import Warden
from sage_mail.errors import ConfigError, StorageError, culprit
from sage_mail.faults import reach
from sage_mail.metrics import Metrics
from sage_mail.records import AttemptRecord, DeliveryRecord
from sage_mail.settings import WebhookSettings
from sage_mail.storage import Storage, Wakeups
from sage_mail.telemetry import get_logger

__all__ = ["EndpointDrain"]

_log = get_logger(__name__)

_OUTAGE_PAUSE = 2.0
_NO_PAUSE = float("inf")


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
        self._warden = Warden(endpoint.name, others)
        self._recorder = Recorder(storage, self._warden.judge)
        self._pacer = Pacer(endpoint.rate_limit)
        self._queue = Queue(storage, endpoint.name, ordered=endpoint.ordered, clock=clock)
        self._under_way: set[int] = set()
        self.is_at_work = False

    async def run(self) -> None:
        """Deliver until cancelled; ``is_at_work`` is true meanwhile."""
        self.is_at_work = True
        try:
            await self._work()
        finally:
            self.is_at_work = False

    async def _work(self) -> None:
        self._queue.expire()
        async with (
            sender_for(self._endpoint) as sender,
            self._storage.commits.subscribe() as wakeups,
            asyncio.TaskGroup() as group,
        ):
            while True:
                await self._queue.refresh(self._under_way)
                pause = _NO_PAUSE
                while self._queue and len(self._under_way) < self._endpoint.concurrency:
                    if wait := self._pacer.pause(time.monotonic()):
                        pause = wait
                        break
                    delivery = self._queue.pop()
                    self._under_way.add(delivery.id)
                    deliver = self._deliver(delivery, self._queue.tenure, sender, wakeups)
                    group.create_task(deliver)
                await wakeups.wait(min(pause, self._queue.pause()))

    async def _deliver(
        self, delivery: DeliveryRecord, tenure: int, sender: Sender, wakeups: Wakeups
    ) -> None:
        try:
            started = self._clock()
            outcome = await self._attempt(delivery, tenure, sender, started)
            reach("after-post")
            if outcome.asked_rest:
                self._pacer.rest(outcome.asked_rest, time.monotonic())
            await to_its_end(self._record(delivery, outcome, started))
        except StorageError as error:
            # Nothing was sent, since the message itself cannot be read, or another service may have
            # sent it: no fault of the endpoint.
            _log.error("outbox_unreadable", endpoint=self._endpoint.name, error=str(error))
            await asyncio.sleep(_OUTAGE_PAUSE)
            self._queue.returned(delivery)
        finally:
            self._under_way.discard(delivery.id)
            wakeups.wake()

    async def _attempt(
        self, delivery: DeliveryRecord, tenure: int, sender: Sender, started: datetime
    ) -> Outcome:
        try:
            request = await self._composer.compose(delivery, at=started, threads=sender.threads)
        except ConfigError as error:
            return Outcome(error=f"nothing was sent: {error}")
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: one event must not stop its endpoint
            return Outcome(error=f"nothing was sent: composing failed with {culprit(error)}")
        await self._storage.tenure.require(tenure)
        return await sender.post(request.body, request.headers)

    async def _record(self, delivery: DeliveryRecord, outcome: Outcome, started: datetime) -> None:
        """Write down what came of the attempt."""
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
        closings = self._warden.closings
        await self._recorder.record(result)
        self._metrics.attempted(delivery.endpoint, delivery.event.seq, judged, answered)
        if closings != self._warden.closings:
            self._queue.expire()
        retry_at = judged.moment if isinstance(judged, RetryAt) else None
        # In one step: what is looked up between the two would not be found due for long.
        self._under_way.discard(delivery.id)
        self._queue.settled(delivery, retry_at=retry_at)
        _tell(result)


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
