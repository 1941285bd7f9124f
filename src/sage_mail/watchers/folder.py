"""One folder with a connection of its own, in IDLE.

Every SELECT is followed by a whole resync, and so is every IDLE cycle: its renewal selects the
mailbox anew. Where the server offers no IDLE, the folder is looked at every ``poll_interval``.
"""

from __future__ import annotations

import asyncio

from sage_imap.aio import IMAPClient
from sage_imap.errors import CommandRejected
from sage_imap.protocol.events import Event
from sage_mail.ingest.folders import find_watched, is_closed
from sage_mail.ingest.resync import Resync
from sage_mail.ingest.scope import Scope
from sage_mail.telemetry import get_logger
from sage_mail.watchers.gate import Gate

__all__ = ["FolderWatcher"]

_log = get_logger(__name__)

# A wait in IDLE cannot be interrupted without losing the connection, so it is short, and wishes for
# a look are heard in between. A second adds nothing to the latency of mail, which wakes the wait.
_SLICE = 1.0


class FolderWatcher:
    """Watches one folder of an account; `run` is to be supervised."""

    def __init__(self, scope: Scope, gate: Gate, folder: str) -> None:
        self._scope = scope
        self._gate = gate
        self.folder = folder
        self._resync = Resync(scope, folder)
        self._wish = scope.looks.watch(folder)

    async def run(self) -> None:
        """Connect and watch until the connection ends, which raises."""
        async with self._gate.connection() as client:
            await learn_names(client, self._scope)
            while True:
                name = await find_watched(client, self.folder)
                if name is None:
                    await self._absent()
                    continue
                await self._cycle(client, name)

    async def _absent(self) -> None:
        """What does not exist, or nobody may open, holds no mail for us; look again later."""
        loop = asyncio.get_running_loop()
        self._scope.looks.seen(self.folder, loop.time())
        await _wished(self._wish, min(self._scope.settings.poll_interval, 30.0))

    async def _cycle(self, client: IMAPClient, name: str) -> None:
        """Select, bring everything in step, and stay until a whole look is due again."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._wish.clear()
        try:
            await client.select(name)
        except CommandRejected as error:
            if not is_closed(error):
                raise
            _log.warning("folder_refused", folder=self.folder, error=type(error).__name__)
            await self._absent()
            return
        await self._resync.whole(client)
        self._scope.looks.seen(self.folder, began)
        if "IDLE" not in client.capabilities:
            await _wished(self._wish, self._scope.settings.poll_interval)
            return
        until = loop.time() + self._scope.settings.idle_renewal
        while not self._wish.is_set() and (left := until - loop.time()) > 0:
            began = loop.time()
            events, detected = await self._idle(client, left)
            if events:
                await self._resync.news(client, events, detected=detected)

    async def _idle(self, client: IMAPClient, seconds: float) -> tuple[list[Event], float]:
        """Wait in IDLE for news, a wish, or the end of the cycle; the news, and when they came."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        async with client.idle(renew=self._scope.settings.idle_renewal) as idle:
            while not self._wish.is_set() and (left := until - loop.time()) > 0:
                events = await idle.wait(min(left, _SLICE))
                if events:
                    return events, loop.time()
        return [], loop.time()


async def learn_names(client: IMAPClient, scope: Scope) -> None:
    """Learn what the server calls the folders into which mail may be filed."""
    if scope.routing.enabled:
        await scope.names.learn(client, scope.routing.folders.values())


async def _wished(wish: asyncio.Event, seconds: float) -> None:
    """Wait for the wish, but no longer than this many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await wish.wait()
    except TimeoutError:
        return
    finally:
        wish.clear()
