"""The folders beyond the number of IDLE connections: one connection, STATUS by turns.

A folder is opened only when its counters have changed since they were last in step. A change of
flags alone shows in them only where the server keeps mod-sequences.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sage_imap.aio import IMAPClient
from sage_imap.errors import CommandRejected
from sage_imap.models.results import MailboxStatus
from sage_mail.ingest.absence import Absence
from sage_mail.ingest.folders import find_watched, is_closed
from sage_mail.ingest.resync import Resync
from sage_mail.ingest.scope import Scope
from sage_mail.watchers.folder import learn_names
from sage_mail.watchers.gate import Gate
from sage_mail.watchers.presence import Presence

__all__ = ["Poller"]


class Poller:
    """Looks at several folders of an account in turn; `run` is to be supervised."""

    def __init__(self, scope: Scope, gate: Gate, folders: Sequence[str]) -> None:
        self._scope = scope
        self._gate = gate
        self._resyncs = {folder: Resync(scope, folder) for folder in folders}
        self._absences = {folder: Absence(scope, folder) for folder in folders}
        self._presences = {folder: Presence(scope, folder) for folder in folders}
        self._wishes = {folder: scope.looks.watch(folder) for folder in folders}
        self._in_step: dict[str, MailboxStatus] = {}

    async def run(self) -> None:
        """Connect and poll until the connection ends, which raises."""
        self._in_step.clear()
        async with self._gate.connection() as client:
            await learn_names(client, self._scope)
            while True:
                for folder in self._resyncs:
                    await self._look(client, folder)
                await self._pause()

    async def _look(self, client: IMAPClient, folder: str) -> None:
        began = asyncio.get_running_loop().time()
        self._wishes[folder].clear()
        name = await find_watched(client, folder)
        if name is None:
            self._forget(folder)
            self._presences[folder].missing()
            await self._absences[folder].noticed(client)
        else:
            self._absences[folder].over()
            if not await self._visit(client, folder, name):
                return
        self._scope.looks.seen(folder, began)

    def _forget(self, folder: str) -> None:
        self._in_step.pop(folder, None)
        self._resyncs[folder].forget()

    async def _visit(self, client: IMAPClient, folder: str, name: str) -> bool:
        """Look at the folder; False where it was refused, and may be open the next time."""
        try:
            counters = await self._opened(client, folder, name)
        except CommandRejected as error:
            if not is_closed(error):
                raise
            # The other folders must not wait for it.
            self._forget(folder)
            return self._presences[folder].refused(error)
        self._presences[folder].there()
        if counters is not None:
            await self._compare(client, folder, counters)
        return True

    async def _opened(self, client: IMAPClient, folder: str, name: str) -> MailboxStatus | None:
        """Select the folder where something has changed; its counters before that, else None."""
        # RFC 9051 section 6.3.11: STATUS is not for the selected mailbox.
        if client.mailbox is not None:
            await client.unselect()
        counters = await client.status(name)
        if counters == self._in_step.get(folder):
            return None
        await client.select(name)
        return counters

    async def _compare(self, client: IMAPClient, folder: str, counters: MailboxStatus) -> None:
        await self._resyncs[folder].whole(client)
        self._in_step.pop(folder, None)
        if not self._resyncs[folder].in_doubt:
            # Counters that were read before the look; what came since makes them differ again.
            self._in_step[folder] = counters

    async def _pause(self) -> None:
        """Wait for the next turn, or until somebody wishes for a look."""
        waits = [asyncio.ensure_future(wish.wait()) for wish in self._wishes.values()]
        try:
            await asyncio.wait(
                waits,
                timeout=self._scope.settings.poll_interval,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for wait in waits:
                wait.cancel()
