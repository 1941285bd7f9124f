"""A TCP relay that can go deaf or be cut: what a bad network does between client and server."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from sage_mail.listening import stop_accepting

__all__ = ["Relay"]


class Relay:
    """Relays connections to a port of this machine.

    ``budgets`` are the octets from the server after which the next connections are cut, one budget
    a connection; without one a connection lives. While ``deaf``, nothing passes and nothing is
    closed, for the connections that are open. While ``garble`` is set, the octets that are its
    first reach the client as its second.
    """

    def __init__(self, target: int, budgets: Iterable[int] = ()) -> None:
        self._target = target
        self._budgets = deque(budgets)
        self._hearing = asyncio.Event()
        self._hearing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.connections = 0
        self.garble: tuple[bytes, bytes] | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Relay]:
        """The listening relay."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            await stop_accepting(server.sockets)
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for client in self._clients:  # of those that were ended before they began
                client.close()
            await server.wait_closed()

    def deafen(self) -> None:
        """Let nothing pass on the connections of now; later ones are not affected."""
        self._hearing.clear()
        self._hearing = asyncio.Event()
        self._hearing.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        self.connections += 1
        task = asyncio.ensure_future(self._relay(reader, writer))
        self._tasks.add(task)
        # At its very end, so that whoever closes the relay waits for the closing of both ends.
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        budget = self._budgets.popleft() if self._budgets else None
        hearing = self._hearing
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except BaseException:
            self._clients.remove(writer)
            writer.close()
            raise
        up = asyncio.ensure_future(self._pump(reader, far_writer, hearing, None))
        down = asyncio.ensure_future(self._pump(far_reader, writer, hearing, budget))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clients.remove(writer)
            for pump in (up, down):
                pump.cancel()
            for end in (writer, far_writer):
                end.close()
            closed = [end.wait_closed() for end in (writer, far_writer)]
            await asyncio.gather(up, down, *closed, return_exceptions=True)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        hearing: asyncio.Event,
        budget: int | None,
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                await hearing.wait()
                if self.garble is not None:
                    data = data.replace(*self.garble)
                if budget is not None:
                    data, budget = data[:budget], budget - len(data)
                writer.write(data)
                await writer.drain()
                if budget is not None and budget <= 0:
                    return
