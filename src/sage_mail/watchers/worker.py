"""The account's working connection: what is planned, asked for or left to be listed is done on it.

It is opened when there is work and closed when there has been none for a minute.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime

from sage_imap.aio import IMAPClient
from sage_imap.errors import MailboxNotFound
from sage_mail.ingest.actions import Mover
from sage_mail.ingest.census import Census
from sage_mail.ingest.retries import Retries
from sage_mail.ingest.scope import Scope
from sage_mail.watchers.folder import learn_names
from sage_mail.watchers.gate import Gate
from sage_mail.watchers.supervision import NotConnected

__all__ = ["ActionWorker", "CensusTaker"]

_LINGER_SECONDS = 60.0
# Requests for a retry come from other processes, whose commits wake nobody here.
_LOOK_SECONDS = 1.5
# Whoever waits for a list that cannot be made goes on then.
_MOST_FAILURES = 3


class ActionWorker:
    """Carries out actions and retries of one account; `run` is to be supervised."""

    def __init__(self, scope: Scope, gate: Gate) -> None:
        self._scope = scope
        self._gate = gate
        self._mover = Mover(scope)
        self._retries = Retries(scope)

    async def run(self) -> None:
        """Work whenever there is something to do."""
        while True:
            await self._until_due(None)
            async with self._gate.connection() as client:
                await learn_names(client, self._scope)
                await self._serve(client)

    async def _serve(self, client: IMAPClient) -> None:
        while True:
            self._scope.work_arrived.clear()
            # Both, in this order: no short cut.
            acted = await self._mover.work(client)
            retried = await self._retries.work(client)
            if not (acted or retried) and not await self._until_due(_LINGER_SECONDS):
                return

    async def _until_due(self, seconds: float | None) -> bool:
        """Wait until there is work; False where there was none for this many seconds."""
        loop = asyncio.get_running_loop()
        until = None if seconds is None else loop.time() + seconds
        while True:
            due = await self._next_due()
            if due is not None and due <= datetime.now(UTC):
                return True
            if until is not None and loop.time() >= until:
                return False
            pause = _LOOK_SECONDS
            if due is not None:
                pause = min(pause, max(0.01, (due - datetime.now(UTC)).total_seconds()))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._scope.work_arrived.wait()
            self._scope.work_arrived.clear()

    async def _next_due(self) -> datetime | None:
        if await self._retries.wanted():
            return datetime.now(UTC)
        async with self._scope.storage.read() as uow:
            return await uow.actions.next_due(self._scope.account_id)


class CensusTaker:
    """Lists the older mail of one account, mailbox by mailbox; `run` is to be supervised."""

    def __init__(self, scope: Scope, gate: Gate) -> None:
        self._unknown_in = scope.unknown_in
        self._gate = gate
        self._census = Census(scope)
        self._names: list[str] = []
        self._owed: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._unconnected = 0

    async def run(self) -> None:
        """List whatever mailbox is named as holding unknown mail."""
        while True:
            if not self._names:
                self._add(await self._unknown_in.get())
            try:
                async with self._gate.connection() as client:
                    self._unconnected = 0
                    while self._names:
                        await self._take(client, self._names[0])
                        self._collect()
            except NotConnected:
                self._note_unconnected()
                raise

    async def _take(self, client: IMAPClient, name: str) -> None:
        try:
            with suppress(MailboxNotFound):
                await self._census.take(client, name)
        except BaseException:
            # The others have their turn before it is tried again.
            self._names.append(self._names.pop(0))
            self._failures[name] += 1
            if self._failures[name] >= _MOST_FAILURES:
                self._release(name)
            raise
        self._names.pop(0)
        del self._failures[name]
        self._release(name)

    def _note_unconnected(self) -> None:
        """Let go on who waits where the account has no connection left for us."""
        self._unconnected += 1
        if self._unconnected >= _MOST_FAILURES:
            self._collect()
            for name in tuple(self._owed):
                self._release(name)

    def _add(self, name: str) -> None:
        self._owed[name] += 1
        if name not in self._names:
            self._names.append(name)

    def _collect(self) -> None:
        """Take over all that wait, each once."""
        while not self._unknown_in.empty():
            self._add(self._unknown_in.get_nowait())

    def _release(self, name: str) -> None:
        """Let go on who waits until the mailbox is listed."""
        for _ in range(self._owed.pop(name, 0)):
            self._unknown_in.task_done()
