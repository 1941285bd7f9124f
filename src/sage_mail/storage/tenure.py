"""That one service at a time runs on a database, on whichever host.

The laws of this module:

- A service holds its place on the database before anything of it begins, and until all has ended.
- What cannot be undone (a POST, a MOVE) begins only while it is certain that the place is held, and
  only on the strength of rows that were read since it was taken. `Tenure.begun`, and then
  `Tenure.allows` or `Tenure.require`, is how whoever begins it asks.
- It is certain for some seconds after the database has confirmed it, unless that says something
  else. These are fewer than those after which the database gives the place of a service that is
  cut off to somebody else, so that this one knows it before the other begins.
- A place that was lost is taken anew as soon as that can be; if somebody else has it, `Tenure.run`
  raises, and the service is to stop.

On SQLite the place is a lock on a file beside the database's, which cannot be lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import URL

from sage_mail.errors import StorageError, StorageUnavailable
from sage_mail.locking import AlreadyRunning, FileLock, Holder
from sage_mail.storage.advisory import SERVER_SECONDS, AdvisoryLock
from sage_mail.storage.urls import is_sqlite, normalised
from sage_mail.telemetry import get_logger

__all__ = ["Tenure", "Undisputed", "sole_service", "who_serves"]

_log = get_logger(__name__)

# How often the place is confirmed, and how often it is asked for while it is lost.
_BEAT_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 5.0
_LONGEST_SILENCE: Final = 15.0
_CERTAIN_SECONDS: Final = 0.4 * SERVER_SECONDS
# So long a server may take to notice that a service that was killed is gone.
_HANDOVER_SECONDS: Final = 2.0
_HANDOVER_PAUSE: Final = 0.2
# The clock goes on while the host is suspended, where there is one that does.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Tenure(Protocol):
    """A service's place on its database; ``number`` is another one after each loss of it."""

    @property
    def number(self) -> int:
        """Which tenure this is."""

    @property
    def is_certain(self) -> bool:
        """True if nobody else can have the place now."""

    async def begun(self) -> int:
        """The number, as soon as it is certain that the place is held; read rows after that."""

    async def allows(self, number: int) -> bool:
        """True if what such rows ask for may begin, at once."""

    async def require(self, number: int) -> None:
        """Return if what such rows ask for may begin, at once.

        Raises:
            StorageUnavailable: it may not, since somebody else may have had the place since.
        """

    async def run(self) -> None:
        """Keep the place until cancelled.

        Raises:
            AlreadyRunning: it was lost, and another service has it.
        """


class Undisputed:
    """A tenure that cannot be lost."""

    number = 0
    is_certain = True

    async def begun(self) -> int:
        """See `Tenure`."""
        return self.number

    async def allows(self, number: int) -> bool:
        """See `Tenure`."""
        return True

    async def require(self, number: int) -> None:
        """See `Tenure`."""

    async def run(self) -> None:
        """See `Tenure`."""
        await asyncio.Event().wait()


class _Guarded:
    """The tenure of whoever has the lock, which is ours now; *clock* gives seconds."""

    def __init__(self, lock: AdvisoryLock, clock: Callable[[], float], confirmed_at: float) -> None:
        self._lock = lock
        self._clock = clock
        self._confirmed_at = confirmed_at
        self._confirmed = asyncio.Event()
        self._answered = asyncio.Event()  # no question to the database is under way
        self._answered.set()
        self.number = 0

    @property
    def is_certain(self) -> bool:
        age = self._clock() - self._confirmed_at
        return self._lock.is_open and self._lock.is_quiet and age < _CERTAIN_SECONDS

    async def begun(self) -> int:
        while not self.is_certain:
            self._confirmed.clear()
            await self._confirmed.wait()
        return self.number

    async def allows(self, number: int) -> bool:
        # While a question is under way, what has come may be its answer or the end of all.
        await self._answered.wait()
        return number == self.number and self.is_certain

    async def require(self, number: int) -> None:
        if not await self.allows(number):
            raise StorageUnavailable(
                f"another service may have run on {self._lock.database}, since the lock on it was "
                "lost; nothing was begun, and what is to be done is read anew"
            )

    async def run(self) -> None:
        while True:
            while await self._confirm():
                await self._lock.stirred(_BEAT_SECONDS)
            await self._lose()
            await self._regain()

    async def close(self) -> None:
        """Give the place back."""
        try:
            if self.is_certain:
                with suppress(StorageError, TimeoutError):
                    async with asyncio.timeout(_PATIENCE_SECONDS):
                        await self._lock.release()
        finally:
            await self._lock.drop()

    async def _confirm(self) -> bool:
        asked_at = self._clock()
        self._answered.clear()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._lock.confirm()
        except (StorageError, TimeoutError) as error:
            _log.warning("service_lock_lost", reason=str(error) or "the database does not answer")
            return False
        finally:
            self._answered.set()
        self._note(asked_at)
        return True

    async def _lose(self) -> None:
        self.number += 1
        await self._lock.drop()

    async def _regain(self) -> None:
        while not await self._is_regained():
            await asyncio.sleep(_BEAT_SECONDS)
        _log.info("service_lock_regained")

    async def _is_regained(self) -> bool:
        asked_at = self._clock()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                holder = await self._lock.acquire()
        except (StorageError, TimeoutError) as error:
            _log.debug("service_lock_wanted", reason=str(error))
            return False
        if holder is not None:
            raise AlreadyRunning(
                f"the connection that held the lock on {self._lock.database} was lost, and "
                f"{holder.introduced} runs on it now; this one has stopped, and what it has left "
                "undone is that one's to do; stop one of the two, or set another database.url"
            )
        self._note(asked_at)
        return True

    def _note(self, asked_at: float) -> None:
        self._confirmed_at = asked_at
        self._confirmed.set()


def sole_service(url: str) -> AbstractAsyncContextManager[Tenure]:
    """The place of the one service on the database at the URL, held within the block.

    Its `Tenure.run` has to run meanwhile, or nothing is certain for long.

    Raises:
        AlreadyRunning: another service has it; nothing was done.
        ConfigError: the URL cannot be used.
        StorageUnavailable: the database cannot be reached.
    """
    known = normalised(url)
    return _beside(known) if is_sqlite(known) else _on_server(known)


async def who_serves(url: str) -> Holder | None:
    """The service that runs on the database at the URL; None where none does.

    Raises:
        ConfigError: the URL cannot be used.
        StorageUnavailable: the database cannot be reached.
    """
    known = normalised(url)
    if is_sqlite(known):
        return _lock_beside(known).holder()
    lock = AdvisoryLock(known)
    async with _answering(lock):
        return await lock.holder()


@asynccontextmanager
async def _beside(url: URL) -> AsyncIterator[Tenure]:
    with _lock_beside(url):
        yield Undisputed()


def _lock_beside(url: URL) -> FileLock:
    # Not on the database's file: whoever closes that drops the locks of SQLite in his process.
    path = Path(url.database or "").resolve()
    lock = path.with_name(f"{path.name}.service.lock")
    return FileLock(lock, subject=f"the database {path}", setting="database.url")


@asynccontextmanager
async def _on_server(url: URL) -> AsyncIterator[Tenure]:
    lock = AdvisoryLock(url)
    tenure = _Guarded(lock, _now, await _take(lock))
    try:
        yield tenure
    finally:
        await tenure.close()


async def _take(lock: AdvisoryLock) -> float:
    """Acquire the lock; the moment at which it was asked for."""
    until = _now() + _HANDOVER_SECONDS
    while True:
        asked_at = _now()
        async with _answering(lock):
            holder = await lock.acquire()
        if holder is None:
            return asked_at
        if asked_at > until:
            raise AlreadyRunning(
                f"{holder.introduced} runs on {lock.database}; nothing was started; "
                "stop it first, or set another database.url"
            )
        await asyncio.sleep(_HANDOVER_PAUSE)


@asynccontextmanager
async def _answering(lock: AdvisoryLock) -> AsyncIterator[None]:
    """A block in which the database is asked; it fails if there is no answer for long."""
    try:
        async with asyncio.timeout(_LONGEST_SILENCE):
            yield
    except TimeoutError as error:
        raise StorageUnavailable(
            f"{lock.database} has not answered for {_LONGEST_SILENCE:g} seconds"
        ) from error


def _now() -> float:
    return time.clock_gettime(_CLOCK)
