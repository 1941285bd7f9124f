"""Lets mail arrive: appends to the mailbox, a first heap at once and the rest one by one."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime
from typing import Final

from sage_imap.aio import IMAPClient
from sage_imap.config import IMAPConfig
from sage_mail.demo.mails import DemoMail, demo_mails
from sage_mail.demo.server import EmbeddedServer

__all__ = ["Postman"]

_FIRST_HEAP: Final = 12


class Postman:
    """Brings the demo's mails to *server*; ``delivered`` counts them.

    *pause* is how many seconds lie between two mails after the first heap. When all have been
    brought it begins anew, with new Message-IDs.
    """

    def __init__(self, server: EmbeddedServer, *, pause: float) -> None:
        self.delivered = 0
        self._config = IMAPConfig(
            host=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            security="plain",
        )
        self._pause = pause
        self._bag: deque[DemoMail] = deque()

    async def run(self, until: asyncio.Event) -> None:
        """Bring mail until *until* is set; a mail that is on its way is brought to its end."""
        async with IMAPClient(self._config) as client:
            while not until.is_set():
                await self._bring(client)
                if self.delivered >= _FIRST_HEAP:
                    await _pause(until, self._pause)

    async def _bring(self, client: IMAPClient) -> None:
        if not self._bag:
            self._bag.extend(demo_mails(datetime.now(UTC)))
        await client.append("INBOX", self._bag.popleft().raw)
        self.delivered += 1


async def _pause(until: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await until.wait()
    except TimeoutError:
        return
