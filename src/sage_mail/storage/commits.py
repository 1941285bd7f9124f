"""How a commit wakes those who wait for what it has added."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["CommitSignal", "Wakeups"]


class Wakeups:
    """One waiter's view of a `CommitSignal`; what happens between two waits is not missed."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Let the current or else the next `wait` return."""
        self._woken.set()

    async def wait(self, timeout: float | None = None) -> bool:
        """True as soon as there was a commit since the last `wait`, False after *timeout* seconds.

        A wake-up is a hint to look into the database, and it may come without a reason.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True


class CommitSignal:
    """Wakes its subscribers after each commit that added events, deliveries, actions or requests.

    It knows the commits of this process alone; who waits for those of others needs a timeout.
    ``count`` is how many there were: who is woken by other things too sees whether this was one.
    """

    def __init__(self) -> None:
        self.count = 0
        self._subscribers: set[Wakeups] = set()

    def notify(self) -> None:
        """Wake every subscriber."""
        self.count += 1
        for wakeups in self._subscribers:
            wakeups.wake()

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Wakeups]:
        """Wake-ups from now on, until the block is left.

        Subscribe first and then look into the database; the other way round has a gap.
        """
        wakeups = Wakeups()
        self._subscribers.add(wakeups)
        try:
            yield wakeups
        finally:
            self._subscribers.discard(wakeups)
