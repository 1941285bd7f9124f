"""What came of attempts, written down: those that end while a commit is under way share the next.

A commit waits for the disk. With one for each attempt, a backlog would leave the outbox no faster
than the disk can be waited for, and would hold up the arrival of mail besides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from sage_mail.delivery.results import Result
from sage_mail.delivery.schedule import Delivered, GivenUp, RetryAt
from sage_mail.errors import StorageError
from sage_mail.records import DeliveryStatus
from sage_mail.storage import Storage, UnitOfWork
from sage_mail.telemetry import get_logger

__all__ = ["Judge", "Recorder", "to_its_end"]

Judge = Callable[[UnitOfWork, Sequence[Result]], Awaitable[None]]

_log = get_logger(__name__)

_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 30.0
# Of the seconds that a stop may take in all, those for the record of an answer that has come.
_LAST_MOMENT = 2.0


class Recorder:
    """Commits results to the store; *judge* adds to the same commits what follows from them."""

    def __init__(self, storage: Storage, judge: Judge | None = None) -> None:
        self._storage = storage
        self._judge = judge
        self._waiting: list[tuple[Result, asyncio.Event]] = []
        self._committing = asyncio.Lock()
        self._uncertain = False

    async def record(self, result: Result) -> None:
        """Return when the result is committed; while the database is away, keep at it."""
        committed = asyncio.Event()
        self._waiting.append((result, committed))
        async with self._committing:
            if not committed.is_set():  # else the one before us has taken ours along
                await self._commit_waiting()

    async def _commit_waiting(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            await self._commit_patiently([result for result, _ in batch])
        except BaseException:
            # We were cancelled; whoever waits for one of these commits them in our place.
            self._waiting = [*batch, *self._waiting]
            self._uncertain = True
            raise
        for _, committed in batch:
            committed.set()

    async def _commit_patiently(self, results: Sequence[Result]) -> None:
        backoff = _FIRST_BACKOFF
        while True:
            try:
                await self._commit(results)
            except StorageError as error:
                _log.error("webhook_record_failed", count=len(results), error=str(error))
                self._uncertain = True
            else:
                self._uncertain = False
                return
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF)

    async def _commit(self, results: Sequence[Result]) -> None:
        async with self._storage.unit_of_work() as uow:
            fresh = [
                result
                for result in results
                if not (self._uncertain and await _is_recorded(uow, result))
            ]
            for result in fresh:
                await _write(uow, result)
            if fresh and self._judge is not None:
                await self._judge(uow, fresh)
            await uow.commit()


async def _is_recorded(uow: UnitOfWork, result: Result) -> bool:
    """True if a commit whose end we did not learn has come through after all."""
    current = await uow.outbox.get(result.delivery.id)
    return current is None or current.attempts >= result.attempt.number


async def _write(uow: UnitOfWork, result: Result) -> None:
    record = uow.outbox.record_attempt
    match result.verdict:
        case Delivered():
            await record(result.delivery.id, result.attempt, DeliveryStatus.DELIVERED)
        case RetryAt(moment):
            pending = DeliveryStatus.PENDING
            await record(result.delivery.id, result.attempt, pending, next_attempt_at=moment)
        case GivenUp():
            await record(result.delivery.id, result.attempt, DeliveryStatus.FAILED)


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await the work; if we are cancelled meanwhile it has a moment to finish before we end."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_LAST_MOMENT)
        task.cancel()
        await asyncio.wait({task})
        raise
