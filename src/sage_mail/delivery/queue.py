"""What is due to one endpoint, read from the outbox when there can be something new in it.

A look costs as much as a delivery, so that the end of each delivery must not bring one. There is
something new after a commit of this process, when the next pause is over, when the last look did
not reach the end of what was due, and, for all that other processes commit, every ten seconds.

What is due later than any pause is long was written while the clock was ahead, and is due now.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final

from sage_mail.errors import StorageError
from sage_mail.records import DeliveryRecord
from sage_mail.storage import Storage, UnitOfWork
from sage_mail.telemetry import get_logger

__all__ = ["Clock", "Queue", "hurry_far_ones", "waits_for_days"]

Clock = Callable[[], datetime]

_log = get_logger(__name__)

# Other processes (the CLI) commit without waking us; this is how long they may have to wait.
_LONGEST_SLEEP: Final = 10.0
# Deliveries read from the outbox at once, so that a backlog does not cost a query each.
_AT_ONCE: Final = 50
_OUTAGE_PAUSE: Final = 2.0
# The longest pause of the schedule, a wish by Retry-After and quiet hours are all of about a day.
_FAR: Final = timedelta(days=2)


class Queue:
    """The deliveries that are due to the endpoint, the longest due first; true if there are any.

    With *ordered* only the first that waits of each account is among them. ``tenure`` is the number
    of the tenure in which they were read, without which none of them may be sent.
    """

    def __init__(self, storage: Storage, endpoint: str, *, ordered: bool, clock: Clock) -> None:
        self._storage = storage
        self._endpoint = endpoint
        self._ordered = ordered
        self._clock = clock
        self._ready: deque[DeliveryRecord] = deque()
        self._is_stale = True
        self._expiries = 0
        self._commits = 0
        self._read_at = 0.0
        self._next_look = 0.0
        self.tenure = 0

    def __bool__(self) -> bool:
        return bool(self._ready)

    def pop(self) -> DeliveryRecord:
        """The delivery that is the longest due."""
        return self._ready.popleft()

    def expire(self) -> None:
        """Forget what has been read, be it just being read: it may not be to be sent any more."""
        self._expiries += 1
        self._is_stale = True
        self._ready.clear()

    def returned(self, delivery: DeliveryRecord) -> None:
        """The delivery was not attempted, and is as it was in the outbox."""
        self._is_stale = True

    def settled(self, delivery: DeliveryRecord, *, retry_at: datetime | None) -> None:
        """The delivery's attempt is recorded; it waits until then, or no longer."""
        if self._ordered:  # the next of its account may be due now
            self._is_stale = True
        if retry_at is not None:
            self._look_in((retry_at - self._clock()).total_seconds())

    def pause(self) -> float:
        """The seconds until `refresh` may find more, if nothing happens before."""
        if self._ready:
            return _LONGEST_SLEEP
        if self._is_stale or self._commits != self._storage.commits.count:
            return 0.0
        return max(0.0, self._next_look - time.monotonic())

    async def refresh(self, under_way: Collection[int]) -> None:
        """Read what is due, but for the deliveries *under way*, if there can be something new.

        What has been read is sent first, unless that takes long. While it is not certain that this
        is the one service, that is waited for.
        """
        tenure = await self._storage.tenure.begun()
        if tenure != self.tenure:
            self.tenure = tenure
            self.expire()
        now = time.monotonic()
        if now - self._read_at < _LONGEST_SLEEP and self.pause() > 0:
            return
        # What is under way now may be read as pending and yet be over when we have read.
        known, expiries = set(under_way), self._expiries
        self._ready.clear()
        self._is_stale = False
        self._commits = self._storage.commits.count
        self._read_at, self._next_look = now, now + _LONGEST_SLEEP
        try:
            due = await self._due(_AT_ONCE + len(known))
        except StorageError as error:
            _log.error("outbox_unreadable", endpoint=self._endpoint, error=str(error))
            self._look_in(_OUTAGE_PAUSE)
            return
        if expiries == self._expiries:
            self._ready.extend(delivery for delivery in due if delivery.id not in known)

    async def _due(self, limit: int) -> list[DeliveryRecord]:
        """The deliveries that are due; none while the endpoint is disabled."""
        name, now = self._endpoint, self._clock()
        async with self._storage.read() as uow:
            if not (await uow.endpoints.get(name)).enabled:
                return []
            due = await uow.outbox.due(name, now, limit=limit, ordered=self._ordered)
            later = await uow.outbox.next_due(name, after=now)
            is_far_ahead = later is not None and await waits_for_days(uow, name, now)
        if is_far_ahead:
            await hurry_far_ones(self._storage, name, now)
        if len(due) == limit:
            self._is_stale = True
        if later is not None:
            self._look_in((later - now).total_seconds())
        return due

    def _look_in(self, seconds: float) -> None:
        self._next_look = min(self._next_look, time.monotonic() + seconds)


async def waits_for_days(uow: UnitOfWork, endpoint: str, now: datetime) -> bool:
    """True if something waits for the endpoint that is due later than any pause is long."""
    return await uow.outbox.next_due(endpoint, after=now + _FAR) is not None


async def hurry_far_ones(storage: Storage, endpoint: str, now: datetime) -> None:
    """Let what waits for the endpoint, and would do so for days, be due now."""
    async with storage.unit_of_work() as uow:
        count = await uow.outbox.hurry(endpoint, at=now, later_than=now + _FAR)
        await uow.commit()
    _log.warning("deliveries_far_ahead", endpoint=endpoint, hurried=count)
