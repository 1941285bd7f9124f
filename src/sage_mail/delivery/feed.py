"""The live feed: the event log, read once for all who follow it.

The laws of this module:

- An event is read from the database once and made into its wire form once, however many follow.
- A follower is a position in the log and no queue. The latest events are kept in one window of
  bounded size for all; whoever is further behind reads on from the database, at his own pace. So a
  slow follower costs no memory and delays nobody.
- A position only grows, and it passes over every event of the log. Replay and live are the same
  walk, so there is no seam at which an event could be lost or doubled, also after a restart.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from sage_mail.delivery.feed_filter import FeedFilter
from sage_mail.delivery.wire import encode
from sage_mail.errors import FeedRefused, StorageError
from sage_mail.records import EventRecord
from sage_mail.storage import Storage
from sage_mail.telemetry import get_logger

__all__ = ["Feed", "FeedClosed", "FeedEvent", "FeedFull", "Follower"]

_log = get_logger(__name__)

# What others commit (the command line) wakes nobody here; this is how long it may take to be seen.
_LOOK_SECONDS: Final = 1.0
_OUTAGE_PAUSE: Final = 2.0
_AT_ONCE: Final = 200
# The window: a thousand followers that come back after a restart find here what they missed.
_MOST_KEPT: Final = 4000
_MOST_BYTES: Final = 16 * 1024 * 1024
# A follower costs some 50 kB in the process; this many are a bound, not an aim.
_MOST_FOLLOWERS: Final = 5000
# Of all who read old events from the database, so many at a time: the mail goes before.
_READERS: Final = 4
_LARGEST_SEQ: Final = 2**63 - 1


class FeedClosed(Exception):
    """The feed has ended, because the service stops; a follower comes back later."""


class FeedFull(FeedRefused):
    """There are as many followers as the process takes; it may be tried again later."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event on its way: the facts that filters ask for, and ``text``, its JSON."""

    seq: int
    type: str
    account: str
    folders: tuple[str, ...]
    category: str | None
    text: str


class Feed:
    """One feed over one storage; `run` keeps it going, `follow` joins it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._window: list[FeedEvent] = []
        self._bytes = 0
        self._last: int | None = None
        self._loaded = asyncio.Event()
        self._waiting: set[asyncio.Future[None]] = set()
        self._followers = 0
        self._readers = asyncio.Semaphore(_READERS)
        self._closed = False

    @property
    def last(self) -> int:
        """The number of the latest event that the feed has read."""
        return self._last or 0

    @property
    def followers(self) -> int:
        """How many follow now."""
        return self._followers

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._closed

    async def run(self) -> None:
        """Read what is committed and pass it on, until cancelled."""
        async with self._storage.commits.subscribe() as wakeups:
            while True:
                try:
                    more = await self._read_on()
                except StorageError as error:
                    _log.error("feed_unreadable", error=str(error))
                    await asyncio.sleep(_OUTAGE_PAUSE)
                    continue
                if not more:
                    await wakeups.wait(_LOOK_SECONDS)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Feed]:
        """A block during which the feed goes on; at its end it is closed."""
        task = asyncio.create_task(self.run(), name="feed")
        try:
            yield self
        finally:
            self.close()
            task.cancel()
            await asyncio.wait({task})

    def close(self) -> None:
        """End the feed for all followers, who hear of it by `FeedClosed`."""
        self._closed = True
        self._loaded.set()
        self._pulse()

    @asynccontextmanager
    async def follow(
        self, parameters: Sequence[tuple[str, str]] = (), *, since: int | None = None
    ) -> AsyncIterator[Follower]:
        """A follower behind the event number *since*, by default behind the latest one.

        *parameters* are those of `FeedFilter.parse`.

        Raises:
            FeedRefused: the filter cannot be used, or *since* lies in the future.
            FeedFull: there are too many followers.
            FeedClosed: the service stops.
            StorageError: the events cannot be read.
        """
        await self._loaded.wait()
        if self._closed:
            raise FeedClosed
        if self._followers >= _MOST_FOLLOWERS:
            raise FeedFull(f"{_MOST_FOLLOWERS} follow already; come back later")
        self._followers += 1
        try:
            wanted = await self._filter(parameters)
            position = self.last if since is None else await self._checked(since)
            yield Follower(self, wanted, position)
        finally:
            self._followers -= 1

    async def after(self, position: int) -> Sequence[FeedEvent]:
        """The next events behind the position, a few at a time, none where there are none yet."""
        if self._window and position >= self._window[0].seq - 1:
            start = bisect_right(self._window, position, key=_seq)
            return self._window[start : start + _AT_ONCE]
        if position >= self.last:
            return ()
        async with self._readers, self._storage.read() as uow:
            return [_feed_event(record) for record in await uow.events.after(position)]

    async def news(self, timeout: float) -> None:
        """Wait until there may be something new, but no longer than *timeout* seconds."""
        # By hand: asyncio.timeout costs five times as much, a thousand times an event.
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        timer = loop.call_later(timeout, _wake, waiter)
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiting.discard(waiter)

    async def _read_on(self) -> bool:
        """Take new events into the window; True if there may be more at once."""
        async with self._storage.read() as uow:
            if self._last is None:
                self._last = max(0, await uow.events.last_seq() - _MOST_KEPT // 2)
            records = await uow.events.after(self._last, limit=_AT_ONCE)
        for record in records:
            event = _feed_event(record)
            self._window.append(event)
            self._bytes += len(event.text)
            self._last = event.seq
        self._trim()
        if records:
            self._pulse()
        if len(records) == _AT_ONCE:
            return True
        # Nobody is let in before, or else he would take what is old for new.
        self._loaded.set()
        return False

    def _trim(self) -> None:
        while len(self._window) > _MOST_KEPT or self._bytes > _MOST_BYTES:
            # By halves, because each cut moves all that is kept.
            del self._window[: len(self._window) // 2 or 1]
            self._bytes = sum(len(event.text) for event in self._window)

    def _pulse(self) -> None:
        for waiter in self._waiting:
            _wake(waiter)

    async def _filter(self, parameters: Sequence[tuple[str, str]]) -> FeedFilter:
        accounts: list[str] = []
        if any(name == "account" for name, _ in parameters):
            async with self._storage.read() as uow:
                accounts = [account.name for account in await uow.accounts.list()]
        return FeedFilter.parse(parameters, accounts=accounts)

    async def _checked(self, since: int) -> int:
        if not 0 <= since <= _LARGEST_SEQ:
            raise FeedRefused("since is the number of an event, zero or more")
        last = self.last
        if since > last:
            # Another reader of the log may be a moment ahead of us.
            async with self._storage.read() as uow:
                last = await uow.events.last_seq()
        if since > last:
            raise FeedRefused(
                f"since={since} lies in the future: the latest event is {last}. The log may have "
                "been replaced; begin anew with since=0, or without since for what comes from now"
            )
        return since


class Follower:
    """One who follows; ``position`` is the number up to which all has been looked at."""

    def __init__(self, feed: Feed, wanted: FeedFilter, position: int) -> None:
        self._feed = feed
        self._wanted = wanted
        self.position = position

    async def next(self, timeout: float) -> list[FeedEvent]:
        """The next events that are wanted, in order; none after *timeout* seconds without.

        Raises:
            FeedClosed: the service stops.
            StorageError: the events cannot be read.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not self._feed.closed:
            events = await self._feed.after(self.position)
            if events:
                self.position = events[-1].seq
                found = [event for event in events if self._wanted.wants(event)]
                if found or loop.time() >= deadline:
                    return found
                await asyncio.sleep(0)  # whoever skims a long log lets the others go first
            elif loop.time() >= deadline:
                return []
            else:
                await self._feed.news(deadline - loop.time())
        raise FeedClosed


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _seq(event: FeedEvent) -> int:
    return event.seq


def _feed_event(record: EventRecord) -> FeedEvent:
    return FeedEvent(
        seq=record.seq,
        type=record.type,
        account=record.account,
        folders=_folders(record.mailbox, record.data),
        category=record.data.get("category"),
        text=encode(record, format="sage", endpoint="feed").decode(),
    )


def _folders(mailbox: str | None, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Where it happened; of a move both ends."""
    found = {} if mailbox is None else {mailbox: None}
    moved = data.get("moved") or {}
    for end in ("from", "to"):
        if end in moved:
            found[moved[end]["mailbox"]] = None
    return tuple(found)
