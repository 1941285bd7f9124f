"""A TCP proxy that misbehaves on demand: what networks and middle boxes do to a connection.

It runs in a thread of its own, so that blocking and asyncio tests use it alike. What it does is
switched at run time and holds for the connections that are open as well as for later ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from sage_mail.listening import stop_accepting

__all__ = ["FaultProxy"]

T = TypeVar("T")

_READ_SIZE: Final = 64 * 1024
_PATIENCE: Final = 10.0


class _Mode(Enum):
    PASS = "pass"
    DEAF = "deaf"
    SLOW = "slow"
    HOLD = "hold"


@dataclass(eq=False, slots=True)
class _Link:
    """One connection through the proxy; ``room`` is how many octets may still reach the client."""

    client: asyncio.StreamWriter
    room: int | None
    server: asyncio.StreamWriter | None = None
    held: bytearray = field(default_factory=bytearray)


class FaultProxy:
    """Relays 127.0.0.1:``port`` to *host*:*port*, for as long as its with block lasts.

    It begins by passing everything on. ``connections`` counts those that were accepted, ``open``
    those that are not closed, ``from_client`` and ``from_server`` the octets that came.
    """

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self.connections = 0
        self.from_client = 0
        self.from_server = 0
        self._target = (host, port)
        self._mode = _Mode.PASS
        self._rate = 0.0
        self._segment: int | None = None
        self._budget: int | None = None
        self._links: list[_Link] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy")
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._call(self._shut_down())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE)
            self._loop.close()

    @property
    def open(self) -> int:
        """The connections that are not closed."""
        return len(self._links)

    @property
    def held(self) -> bytes:
        """What the server sent on the latest connection and `hold` kept back."""
        return bytes(self._links[-1].held) if self._links else b""

    # What it does

    def pass_on(self) -> None:
        """Pass everything on again, what was held first."""
        self._switch(_Mode.PASS)
        self.release()

    def deafen(self) -> None:
        """Read and forward nothing, either way; nothing is closed, what comes is lost."""
        self._switch(_Mode.DEAF)

    def slow(self, octets_per_second: float) -> None:
        """Deliver what the server sends at this rate."""
        self._rate = octets_per_second
        self._switch(_Mode.SLOW)

    def cut_after(self, octets: int | None) -> None:
        """Close each connection once *octets* of the server's reached the client; None: never."""

        async def switch() -> None:
            self._budget = octets
            for link in self._links:
                link.room = octets
                if octets == 0:
                    self._close(link)

        self._call(switch())

    def split(self, octets: int | None) -> None:
        """Deliver in segments of at most *octets*, each by itself; None: as they come."""
        self._segment = octets

    def reset(self) -> None:
        """End all connections by RST, both ways."""

        async def end() -> None:
            for link in list(self._links):
                _reset(link.client)
                if link.server is not None:
                    _reset(link.server)

        self._call(end())

    def close_all(self) -> None:
        """End all connections in good order, both ways."""

        async def end() -> None:
            for link in list(self._links):
                self._close(link)

        self._call(end())

    def hold(self) -> None:
        """Keep back what the server sends, until `release` or `pass_on`."""
        self._switch(_Mode.HOLD)

    def release(self, *sizes: int) -> None:
        """Deliver what is held: segments of these sizes, or without any, all of it in one."""

        async def deliver() -> None:
            for link in self._links:
                for size in sizes or (len(link.held),):
                    segment = bytes(link.held[:size])
                    del link.held[:size]
                    await self._send(link, segment)

        self._call(deliver())

    def wait_until(self, condition: Callable[[FaultProxy], bool], seconds: float = 10.0) -> None:
        """Block until *condition* holds, which is asked whenever octets or connections come."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), seconds):
                raise AssertionError("the proxy waited in vain")

    def wait_held(self, part: bytes, seconds: float = 10.0) -> None:
        """Block until *part* is among what is held."""
        self.wait_until(lambda proxy: part in proxy.held, seconds)

    # How

    def _switch(self, mode: _Mode) -> None:
        async def switch() -> None:
            self._mode = mode

        self._call(switch())

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_PATIENCE)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut_down(self) -> None:
        assert self._server is not None
        await stop_accepting(self._server.sockets)
        self._server.close()
        tasks, links = list(self._tasks), list(self._links)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for link in links:  # also those that were ended before they began
            _abort(link)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer, self._budget)
        self._links.append(link)
        self.connections += 1
        self._notify()
        task = self._loop.create_task(self._relay(reader, link))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, link: _Link) -> None:
        pumps: list[asyncio.Task[None]] = []
        try:
            far, link.server = await asyncio.open_connection(*self._target)
            _no_delay(link.client)
            pumps = [
                self._loop.create_task(self._up(reader, link)),
                self._loop.create_task(self._down(far, link)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass  # the target is gone: for the client, the connection closes
        finally:
            # First of all: what follows may be cancelled, when the proxy is shut down just now.
            self._close(link)
            self._links.remove(link)
            self._notify()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _up(self, reader: asyncio.StreamReader, link: _Link) -> None:
        assert link.server is not None
        with contextlib.suppress(OSError):
            while data := await reader.read(_READ_SIZE):
                self.from_client += len(data)
                self._notify()
                if self._mode is not _Mode.DEAF:
                    link.server.write(data)
                    await link.server.drain()

    async def _down(self, reader: asyncio.StreamReader, link: _Link) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_READ_SIZE):
                self.from_server += len(data)
                if self._mode is _Mode.HOLD:
                    link.held += data
                elif self._mode is not _Mode.DEAF:
                    await self._deliver(link, data)
                self._notify()
            await self._until_delivered(link)

    async def _until_delivered(self, link: _Link) -> None:
        """The server has closed its side; the client may still not know."""
        while link.held or self._mode is _Mode.DEAF:
            await asyncio.sleep(0.01)

    async def _deliver(self, link: _Link, data: bytes) -> None:
        step = max(1, int(self._rate / 50)) if self._mode is _Mode.SLOW else self._segment
        if step is None:
            await self._send(link, data)
            return
        pause = step / self._rate if self._mode is _Mode.SLOW else 0.0005
        for start in range(0, len(data), step):
            await self._send(link, data[start : start + step])
            await asyncio.sleep(pause)

    async def _send(self, link: _Link, data: bytes) -> None:
        if link.room is not None:
            data = data[: link.room]
            link.room -= len(data)
        if link.client.is_closing():
            return
        link.client.write(data)
        await link.client.drain()
        if link.room == 0:
            self._close(link)

    def _close(self, link: _Link) -> None:
        link.client.close()
        if link.server is not None:
            link.server.close()


def _abort(link: _Link) -> None:
    # Unlike close(), it does not wait for an end that takes nothing.
    link.client.transport.abort()
    if link.server is not None:
        link.server.transport.abort()


def _no_delay(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):  # it may be closed already
        # Zero seconds of lingering: close() sends RST.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
