"""What all that works on one account shares.

The lock `Scope.locations` is the heart of "moved is not new". It is held

- while a MOVE of ours is carried out and written to the journal, and
- while arrivals in a mailbox, or departures from it, are compared with the database and committed.

So the watcher of the target mailbox cannot see our own move as an arrival before the database knows
of it, and two watchers cannot both explain an arrival with the same known message. No connection is
made while it is held.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sage_mail.delivery.announce import Subscriber
from sage_mail.ingest.folders import FolderNames
from sage_mail.ingest.preparing import Preparer
from sage_mail.metrics import Metrics
from sage_mail.settings import AccountSettings, RoutingSettings
from sage_mail.storage import Storage

__all__ = ["CriticalSections", "Looks", "Scope"]

T = TypeVar("T")


class CriticalSections:
    """Work that a stop lets finish: a commit, or a MOVE with its journal entry.

    It is safe to kill it, but then the next start has to find out how far it came.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work; a caller that is cancelled meanwhile leaves only once it is through.

        The connection that it works on is the caller's, and is closed when he leaves. Whoever is
        cancelled twice leaves at once, and the work goes on by itself.
        """
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._finished)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Nobody may be left to look at it.
            task.exception()

    async def finish(self, seconds: float) -> None:
        """Wait for what is running, and cancel what has not ended after this many seconds."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)


class Looks:
    """When each watched mailbox was last seen whole, and the wish to have all seen anew.

    A folder is known by its name in the settings. Moments are the loop's time.
    """

    def __init__(self) -> None:
        self._born = time.monotonic()
        self._seen: dict[str, float] = {}
        self._wishes: dict[str, asyncio.Event] = {}
        self._news = asyncio.Event()

    def watch(self, folder: str) -> asyncio.Event:
        """Count the folder among the watched; the event is set when a look at it is wished for."""
        self._seen.setdefault(folder, -1.0)
        return self._wishes.setdefault(folder, asyncio.Event())

    def seen(self, folder: str, began: float) -> None:
        """A complete look at the folder began at this moment and is over, all of it committed."""
        self._seen[folder] = max(began, self._seen.get(folder, began))
        self._news.set()

    def lags(self) -> dict[str, float]:
        """The seconds since the last complete look at each folder, or since there has been none."""
        now = time.monotonic()
        return {
            folder: now - (seen if seen >= 0 else self._born) for folder, seen in self._seen.items()
        }

    async def all_since(self, moment: float) -> None:
        """Wait until each folder has been looked at by a look that began after the moment."""
        for folder, wish in self._wishes.items():
            if self._seen[folder] <= moment:
                wish.set()
        while any(seen <= moment for seen in self._seen.values()):
            self._news.clear()
            await self._news.wait()


@dataclass(slots=True)
class Scope:
    """One account and the means to work on it.

    ``grace`` is how many seconds a vanished message is looked for before it counts as deleted,
    ``names`` what the server calls folders, ``metrics`` where it is counted what happens.
    ``work_arrived`` is set when actions may have been planned, ``something_vanished`` when a
    message has gone missing.
    ``found_elsewhere`` counts by mailbox what has moved out of it as far as the message's new place
    tells; its old mailbox may still have it, to be removed later.
    ``unknown_in`` gets the names of mailboxes that hold messages of which nothing is known; it is
    joined by those who wait until they were listed, or could not be.
    ``analyses`` says that the attachments of new messages are to be analysed later.
    ``closed`` are the watched folders that cannot be looked at now, by their names in the settings,
    and why.
    """

    settings: AccountSettings
    account_id: int
    storage: Storage
    routing: RoutingSettings
    endpoints: Sequence[Subscriber]
    preparer: Preparer
    sections: CriticalSections
    grace: float = 5.0
    metrics: Metrics = field(default_factory=Metrics)
    analyses: bool = False
    names: FolderNames = field(default_factory=FolderNames)
    locations: asyncio.Lock = field(default_factory=asyncio.Lock)
    work_arrived: asyncio.Event = field(default_factory=asyncio.Event)
    something_vanished: asyncio.Event = field(default_factory=asyncio.Event)
    found_elsewhere: Counter[str] = field(default_factory=Counter)
    unknown_in: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    looks: Looks = field(default_factory=Looks)
    closed: dict[str, str] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The account's name."""
        return self.settings.name

    @property
    def own_addresses(self) -> frozenset[str]:
        """The account's bare addresses in lower case, as far as its log-in tells."""
        name = self.settings.username.lower()
        return frozenset({name} if "@" in name else ())
