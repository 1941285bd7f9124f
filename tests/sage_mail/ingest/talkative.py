"""A mail server that has something to tell whenever it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from sage_mail.listening import stop_accepting
from tests.support.script_server import HELLO

__all__ = ["Talkative"]

_DATE = 'INTERNALDATE "17-Jul-2026 02:44:25 +0000"'


class Talkative:
    """Has messages of the UIDs from 1 on in its INBOX, one at first.

    It says *news* before the end of each answer and at the beginning of each IDLE. While *growing*
    each search brings another message. ``commands`` counts what it is asked, by the verb.
    """

    def __init__(self, news: str = "", *, growing: bool = False) -> None:
        self._news = f"{news}\r\n" if news else ""
        self._growing = growing
        self._count = 1
        self.commands: Counter[str] = Counter()
        self.idled = asyncio.Event()
        self.config: dict[str, Any] = {}
        self._idling: asyncio.StreamWriter | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def deliver(self) -> None:
        """Have a message come, and tell whoever is in IDLE."""
        self._count += 1
        if self._idling is not None:
            self._idling.write(f"* {self._count} EXISTS\r\n".encode())

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        """The listening server."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.config = {"host": "127.0.0.1", "port": port, "security": "plain", "timeout": 5.0}
        self.config |= {"username": "ann", "password": "pw"}
        try:
            yield self
        finally:
            await stop_accepting(server.sockets)
            server.close()
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await self._talk(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{HELLO}\r\n".encode())
        tag = ""
        while line := (await reader.readline()).decode():
            if line == "DONE\r\n":
                self._idling = None
                writer.write(f"{tag} OK done\r\n".encode())
                continue
            tag, verb, *rest = line.split()
            verb = rest.pop(0) if verb == "UID" else verb
            self.commands[verb] += 1
            if verb == "IDLE":
                self.idled.set()
                self._idling = writer
                writer.write(f"+ idling\r\n{self._news}".encode())
            else:
                told = self._news if verb not in ("CAPABILITY", "LOGIN", "SELECT") else ""
                answer = self._answer(verb, " ".join(rest))
                writer.write(f"{answer}{told}{tag} OK done\r\n".encode())

    def _answer(self, verb: str, rest: str) -> str:
        if verb == "SELECT":
            uidnext = self._count + 1
            told = f"* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT {uidnext}] next\r\n"
            return f"* {self._count} EXISTS\r\n{told}"
        if verb == "CAPABILITY":
            return "* CAPABILITY IMAP4rev1 IDLE LITERAL+\r\n"
        if verb == "LIST":
            return '* LIST () "/" INBOX\r\n'
        if verb == "SEARCH":
            return self._search(rest)
        return self._rows(rest) if verb == "FETCH" else ""

    def _search(self, rest: str) -> str:
        told = ""
        if self._growing:
            self._count += 1
            told = f"* {self._count} EXISTS\r\n"
        found = re.match(r"UID (\d+):\*", rest)
        first = min(int(found[1]), self._count) if found else 1
        return f"* SEARCH {' '.join(map(str, range(first, self._count + 1)))}\r\n{told}"

    def _rows(self, rest: str) -> str:
        uids, _, items = rest.partition(" ")
        first, _, last = uids.partition(":")
        end = self._count if last == "*" else int(last or first)
        return "".join(
            f"* {uid} FETCH (UID {uid} {self._items(uid, items)})\r\n"
            for uid in range(int(first), end + 1)
        )

    def _items(self, uid: int, items: str) -> str:
        body = f"{uid}: b"
        size = f"RFC822.SIZE {len(body)}"
        if "BODY" in items:
            return f'FLAGS () {_DATE} {size} BODY[] "{body}"'
        return size if "SIZE" in items else "FLAGS ()"
