"""A watched folder that is not on the server any more: what was in it is missing.

Deleted or renamed, who knows; so its messages are looked for elsewhere as any that have vanished,
see `sage_mail.ingest.departures`. A single LIST proves nothing: a server whose store is not there
yet may name no folder at all.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from sage_imap.aio import IMAPClient
from sage_imap.operations.folders import candidates
from sage_mail.ingest.scope import Scope
from sage_mail.telemetry import get_logger

__all__ = ["Absence"]

_log = get_logger(__name__)

_SECONDS_BETWEEN_LOOKS = 5.0


class Absence:
    """Whether a folder has gone; kept over the reconnects of the folder's watcher.

    *folder* is its name in the settings.
    """

    def __init__(self, scope: Scope, folder: str) -> None:
        self._scope = scope
        self._folder = folder
        self._since: float | None = None
        self._noted = False

    def over(self) -> None:
        """The folder is there."""
        self._since, self._noted = None, False

    async def noticed(self, client: IMAPClient) -> None:
        """LIST does not name the folder; the second time in a row its messages are missing.

        Looks that are less than some seconds apart count as one.
        """
        now = asyncio.get_running_loop().time()
        if self._noted:
            return
        if not await _is_inbox_listed(client):
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since >= _SECONDS_BETWEEN_LOOKS:
            names = {self._folder, *candidates(self._folder, await client.namespace())}
            await self._scope.sections.run(self._note(sorted(names)))
            self._noted = True

    async def _note(self, names: list[str]) -> None:
        count = 0
        async with self._scope.locations, self._scope.storage.unit_of_work() as uow:
            for name in names:
                mailbox = await uow.mailboxes.find(self._scope.account_id, name)
                if mailbox is not None:
                    count += await uow.messages.mark_all_missing(mailbox.id, at=datetime.now(UTC))
            await uow.commit()
        if count:
            _log.warning(
                "folder_gone", account=self._scope.account, folder=self._folder, missing=count
            )
            self._scope.something_vanished.set()


async def _is_inbox_listed(client: IMAPClient) -> bool:
    """True if LIST names the one mailbox that every user has (RFC 9051 section 5.1)."""
    return any(listed.name.upper() == "INBOX" for listed in await client.list("", "INBOX"))
