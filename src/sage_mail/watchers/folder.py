"""One folder with a connection of its own, in IDLE.

Every SELECT is followed by a whole resync, and so is every IDLE cycle: its renewal selects the
mailbox anew. Where the server offers no IDLE, the folder is looked at every ``poll_interval``.
"""

from __future__ import annotations

import asyncio

from sage_imap.aio import IMAPClient
from sage_imap.errors import CommandRejected
from sage_mail.ingest.absence import Absence
from sage_mail.ingest.folders import find_watched, is_closed
from sage_mail.ingest.resync import Resync
from sage_mail.ingest.scope import Scope
from sage_mail.watchers.gate import Gate
from sage_mail.watchers.presence import Presence

__all__ = ["FolderWatcher", "learn_names", "next_pause"]

# A wait in IDLE cannot be interrupted without losing the connection, so it is short, and wishes for
# a look are heard in between. A second adds nothing to the latency of mail, which wakes the wait.
_SLICE = 1.0
# A change of flags, or a departure, waits for so many seconds at most where the server tells of
# changes all the time that are none.
_LONGEST_PAUSE = 30.0


class FolderWatcher:
    """Watches one folder of an account; `run` is to be supervised."""

    def __init__(self, scope: Scope, gate: Gate, folder: str) -> None:
        self._scope = scope
        self._gate = gate
        self.folder = folder
        self._resync = Resync(scope, folder)
        self._absence = Absence(scope, folder)
        self._presence = Presence(scope, folder)
        self._wish = scope.looks.watch(folder)

    async def run(self) -> None:
        """Connect and watch until the connection ends, which raises."""
        async with self._gate.connection() as client:
            await learn_names(client, self._scope)
            while True:
                began = asyncio.get_running_loop().time()
                name = await find_watched(client, self.folder)
                if name is None:
                    self._resync.forget()
                    self._presence.missing()
                    await self._absence.noticed(client)
                    self._scope.looks.seen(self.folder, began)
                    await self._pause()
                    continue
                self._absence.over()
                await self._cycle(client, name)

    async def _pause(self) -> None:
        """Look again later at what does not exist or cannot be opened."""
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
            if self._presence.refused(error):  # what nobody may open holds no mail for us
                self._scope.looks.seen(self.folder, began)
            await self._pause()
            return
        self._presence.there()
        await self._resync.whole(client)
        self._scope.looks.seen(self.folder, began)
        if "IDLE" not in client.capabilities:
            await _wished(self._wish, self._scope.settings.poll_interval)
            return
        await self._stay(client, loop.time() + self._scope.settings.idle_renewal)

    async def _stay(self, client: IMAPClient, until: float) -> None:
        """Follow what the server tells, until this moment or a wish."""
        loop = asyncio.get_running_loop()
        pause = 0.0
        while not self._wish.is_set() and (began := loop.time()) < until:
            if pause or not self._resync.in_doubt:
                detected = await self._idle(client, until, pause)
            else:
                detected = began
            if self._resync.in_doubt:
                changed = await self._resync.news(client, detected=detected)
                pause = next_pause(pause, waited=detected - began, changed=changed)

    async def _idle(self, client: IMAPClient, until: float, pause: float) -> float:
        """Wait in IDLE for news, a wish, or the end of the cycle; when they came.

        For *pause* seconds nothing but mail counts as news.
        """
        loop = asyncio.get_running_loop()
        rested = loop.time() + pause
        async with client.idle(renew=self._scope.settings.idle_renewal) as idle:
            while not self._wish.is_set() and (now := loop.time()) < until:
                if self._resync.mail_waits or (self._resync.in_doubt and now >= rested):
                    break
                self._resync.note(await idle.wait(min(until - now, _SLICE)))
            return loop.time()


def next_pause(pause: float, *, waited: float, changed: bool) -> float:
    """Seconds until what is told is looked into again, once that was done after *waited* seconds.

    Longer each time where a server has always something to tell and nothing has *changed*: some do
    so at the beginning of each IDLE. Whatever comes out of a rest is looked into at once.
    """
    if changed:
        return 0.0
    if waited > 2 * pause + _SLICE:
        return _SLICE
    return min(max(2 * pause, _SLICE), _LONGEST_PAUSE)


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
