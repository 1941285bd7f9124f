"""A few children that share the work; each is replaced when a task has cost it.

Every child has a thread that waits for its answers, so that an event loop never does. One more
child than are at work is kept ready: the task after a hostile one pays for no start. All threads
live as long as the children, for a child ends with the thread that has started it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Final

from sage_mail.confinement.child import Child
from sage_mail.confinement.limits import Limits
from sage_mail.confinement.outcome import Failed, Failure, Finished
from sage_mail.errors import SageMailError

__all__ = ["Children", "ChildrenClosed"]

# What a child that has worked before may owe to an earlier task.
_PERHAPS_INHERITED: Final = frozenset({Failure.CRASHED, Failure.OUT_OF_MEMORY})


class ChildrenClosed(SageMailError):
    """The children were ended before the task was through."""


class Children:
    """Up to *count* children that run the module *entry*, each task within *limits*.

    The module calls `sage_mail.confinement.serving.serve`. A child starts with the first task for
    it, and with the first of all a spare one, which takes the place of the next that is lost.
    `close` ends all of them at once; until then they wait for work and cost only memory.
    """

    def __init__(self, entry: str, limits: Limits | None = None, *, count: int = 1) -> None:
        self._entry = entry
        self._limits = limits or Limits()
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="sage-mail-child")
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._ending: list[Child] = []
        self._spare: Child | None = None
        self._closed = False

    @property
    def pids(self) -> frozenset[int]:
        """The process ids of the children that are running."""
        with self._lock:
            return frozenset(child.pid for child in self._children)

    async def run(self, asked: bytes, body: bytes) -> Finished | Failed:
        """What a child makes of the task, as soon as one is free.

        Raises:
            ChildrenClosed: `close` came first.
        """
        return await asyncio.wrap_future(self._threads.submit(self._work, asked, body))

    def run_blocking(self, asked: bytes, body: bytes) -> Finished | Failed:
        """The same as `run`, for those who have no event loop and can wait."""
        return self._threads.submit(self._work, asked, body).result()

    def close(self) -> None:
        """Kill all children; what they were at raises `ChildrenClosed` to those who wait for it."""
        with self._lock:
            self._closed = True
            children = [*self._children, *self._ending]
        for child in children:
            child.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for child in children:
            child.end()

    def _work(self, asked: bytes, body: bytes) -> Finished | Failed:
        began = time.monotonic()
        until = began + self._limits.whole
        outcome, experienced = self._attempt(asked, body, until)
        # What fails late is not tried again: it is slow in itself.
        early = time.monotonic() - began < self._limits.seconds / 2
        again = isinstance(outcome, Failed) and outcome.failure in _PERHAPS_INHERITED
        if again and experienced and early:
            outcome, _ = self._attempt(asked, body, until)
        return replace(outcome, seconds=time.monotonic() - began)

    def _attempt(self, asked: bytes, body: bytes, until: float) -> tuple[Finished | Failed, bool]:
        """The outcome, and whether the child had worked before."""
        child = self._own_child()
        experienced = child.tasks > 0
        if child.is_ready(until):
            self._keep_spare()
        outcome = child.run(asked, body, until=until)
        if self._closed:
            raise ChildrenClosed("the children were ended before the task was through")
        if isinstance(outcome, Failed) or child.tasks >= self._limits.tasks:
            self._mine.child = None
            with self._lock:
                self._retire(child)
        return outcome, experienced

    def _own_child(self) -> Child:
        """The child of this thread; the spare one if it has none that lives."""
        child: Child | None = getattr(self._mine, "child", None)
        if child is not None and child.alive:
            return child
        with self._lock:
            if self._closed:
                raise ChildrenClosed("the children were ended")
            if child is not None:
                self._retire(child)
            child = self._mine.child = self._taken_spare() or self._started()
        return child

    def _keep_spare(self) -> None:
        """Start a spare child, now that the machine has no other to start for a task that waits."""
        with self._lock:
            self._ending = [child for child in self._ending if child.alive]
            if self._spare is None and not self._closed:
                # There may be no room for one more; the next task will do without, or say so.
                with suppress(OSError):
                    self._spare = self._started()

    def _taken_spare(self) -> Child | None:
        child, self._spare = self._spare, None
        if child is None or child.alive:
            return child
        self._retire(child)
        return None

    def _started(self) -> Child:
        child = Child(self._entry, self._limits)
        self._children.add(child)
        return child

    def _retire(self, child: Child) -> None:
        child.end()
        self._children.discard(child)
        # Somebody has to ask for its exit code in the end.
        self._ending.append(child)
