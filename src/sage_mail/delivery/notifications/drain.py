"""What leaves the outbox by one channel, and what came of it.

A text is sent from committed rows alone, and what came of it is committed before it is tried again.
What dies in between is sent once more: rather a message that is told twice than one that nobody
hears of. Failures follow the schedule of the webhooks.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sage_mail.delivery.announce import Subscriber
from sage_mail.delivery.notifications.channel import Channel
from sage_mail.delivery.notifications.policy import Sent, key_of, keys_told, plan
from sage_mail.delivery.notifications.settings import NotificationSettings
from sage_mail.delivery.notifications.texts import note_of
from sage_mail.delivery.queue import hurry_far_ones, waits_for_days
from sage_mail.delivery.recorder import Recorder, to_its_end
from sage_mail.delivery.results import Result
from sage_mail.delivery.schedule import verdict
from sage_mail.delivery.warden import Warden
from sage_mail.errors import StorageError
from sage_mail.records import AttemptRecord, DeliveryRecord
from sage_mail.storage import Storage
from sage_mail.telemetry import get_logger

__all__ = ["NotificationDrain"]

_log = get_logger(__name__)

# Other processes (the command line) commit without waking us.
_LONGEST_SLEEP: Final = 10.0
_OUTAGE_PAUSE: Final = 2.0
_AT_ONCE: Final = 200
_REMEMBERED: Final = 1_000
_TAKEN: Final = 200  # what `verdict` takes for delivered
_REPEAT: Final = "not sent: the same was told shortly before"


def _now() -> datetime:
    return datetime.now(UTC)


class NotificationDrain:
    """Tells what waits for one channel; *others* hear when it is disabled after days of failures.

    ``clock`` is what time it is, ``chance`` a number from 0 to 1 for the jitter of the pauses.
    """

    def __init__(
        self,
        storage: Storage,
        settings: NotificationSettings,
        *,
        others: Sequence[Subscriber] = (),
        clock: Callable[[], datetime] = _now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._storage = storage
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._recorder = Recorder(storage, Warden(settings.name, others).judge)
        self._sent: deque[Sent] = deque(maxlen=_REMEMBERED)
        self._tenure: int | None = None
        self.is_at_work = False

    async def run(self) -> None:
        """Tell until cancelled."""
        channel = Channel(self._settings)
        self.is_at_work = True
        try:
            async with self._storage.commits.subscribe() as wakeups:
                self._tenure = None
                while True:
                    await wakeups.wait(await self._turn(channel))
        finally:
            self.is_at_work = False
            channel.close()

    async def _recall(self) -> None:
        """Learn from the store what went out before the start, or while another service ran."""
        self._sent.clear()
        async with self._storage.read() as uow:
            found = await uow.outbox.latest_attempts(self._settings.name, limit=_REMEMBERED)
        keys: dict[datetime, set[str]] = {}
        for delivery, attempt in found:
            if attempt.error is None and attempt.response != _REPEAT:
                keys.setdefault(attempt.started_at, set()).add(key_of(delivery.event))
        self._sent.extend(Sent(at, frozenset(keys[at])) for at in sorted(keys))

    async def _turn(self, channel: Channel) -> float:
        """Do what is to be done now; the seconds until there may be more."""
        tenure = await self._storage.tenure.begun()
        now = self._clock()
        try:
            if tenure != self._tenure:
                await self._recall()
                self._tenure = tenure
            due, pause = await self._due(now)
        except StorageError as error:
            _log.error("outbox_unreadable", endpoint=self._settings.name, error=str(error))
            return _OUTAGE_PAUSE
        if not due:
            return pause
        made = plan(due, self._settings, now=now, sent=self._sent)
        await self._put_off(made.delayed)
        for group in made.groups:
            if not await self._storage.tenure.allows(tenure):
                return 0.0
            await self._tell(group, channel)
        told = keys_told(self._settings, now=now, sent=self._sent)
        for delivery in made.repeated:
            if key_of(delivery.event) in told:
                await to_its_end(self._record([delivery], now, error=None, response=_REPEAT))
        return 0.0

    async def _due(self, now: datetime) -> tuple[list[DeliveryRecord], float]:
        name = self._settings.name
        async with self._storage.read() as uow:
            if not (await uow.endpoints.get(name)).enabled:
                return [], _LONGEST_SLEEP
            due = await uow.outbox.due(name, now, limit=_AT_ONCE)
            next_due = await uow.outbox.next_due(name)
            is_far_ahead = await waits_for_days(uow, name, now)
        if is_far_ahead:
            await hurry_far_ones(self._storage, name, now)
            return due, 0.0
        if next_due is None:
            return due, _LONGEST_SLEEP
        return due, min(_LONGEST_SLEEP, max(0.0, (next_due - now).total_seconds()))

    async def _put_off(self, delayed: Sequence[tuple[DeliveryRecord, datetime]]) -> None:
        if not delayed:
            return
        async with self._storage.unit_of_work() as uow:
            for delivery, until in delayed:
                await uow.outbox.put_off(delivery.id, until=until)
            await uow.commit()

    async def _tell(self, group: Sequence[DeliveryRecord], channel: Channel) -> None:
        started = self._clock()
        try:
            note = note_of(self._settings, [delivery.event for delivery in group])
        except ValueError as problem:
            error: str | None = f"nothing was sent: {problem}"
        else:
            error = await channel.send(note)
        if error is None:
            self._sent.append(Sent(started, frozenset(key_of(each.event) for each in group)))
        await to_its_end(self._record(group, started, error=error))

    async def _record(
        self,
        group: Sequence[DeliveryRecord],
        started: datetime,
        *,
        error: str | None,
        response: str | None = None,
    ) -> None:
        ended = self._clock()
        chance = self._chance()  # one for all, so that they are tried again together
        results = []
        for delivery in group:
            number = delivery.attempts + 1
            attempt = AttemptRecord(
                number=number,
                started_at=started,
                latency_ms=round((ended - started) / timedelta(milliseconds=1)),
                error=error,
                response=response,
            )
            judged = verdict(
                attempts=number - delivery.earlier_attempts,
                max_attempts=self._settings.max_attempts,
                status=_TAKEN if error is None else None,
                asked_pause=None,
                now=ended,
                chance=lambda: chance,
            )
            results.append(Result(delivery, attempt, judged))
        await asyncio.gather(*map(self._recorder.record, results))
        facts = {"endpoint": self._settings.name, "messages": len(group)}
        if error is not None:
            _log.warning("notification_failed", **facts, error=error)
        elif response is None:
            _log.info("notification_sent", **facts)
