"""A small webhook receiver on loopback: it answers as it is told and keeps what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sage_mail.listening import stop_accepting

__all__ = ["Answer", "Receiver", "Request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One scripted answer.

    ``hang`` never answers, ``cut`` closes the connection instead, ``endless`` sends the headers and
    then a body without end, ``stalled`` the headers and no body.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    hang: bool = False
    cut: bool = False
    endless: bool = False
    stalled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came; header names are in lower case, ``at`` is the loop's clock."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Receiver:
    """The receiver; answers 200 where nothing else is scripted.

    ``async with Receiver() as receiver:`` then ``receiver.url``, ``receiver.script(...)``,
    ``await receiver.received(3)``.
    """

    def __init__(
        self, *, default: Answer | None = None, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[Request] = []
        self.default = default or Answer()
        self.abandoned = 0
        self.connections = 0
        self._port = port
        self._tls = tls
        self._answers: deque[Answer] = deque()
        self._arrival = asyncio.Condition()
        self._release: asyncio.Event | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._port, ssl=self._tls
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await stop_accepting(self._server.sockets)
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._port

    @property
    def url(self) -> str:
        """Where to post."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._port}/hook"

    def script(self, *answers: Answer) -> None:
        """Give these answers next, in order, one a request."""
        self._answers.extend(answers)

    def hold(self, release: asyncio.Event) -> None:
        """Let every answer wait until *release* is set."""
        self._release = release

    async def received(self, count: int, *, timeout: float = 10.0) -> list[Request]:
        """Wait until so many requests have come in all; returns them."""
        async with asyncio.timeout(timeout), self._arrival:
            await self._arrival.wait_for(lambda: len(self.requests) >= count)
        return self.requests[:count]

    async def gave_up(self, count: int, *, timeout: float = 10.0) -> None:
        """Wait until the sender has closed so many connections without an answer."""
        async with asyncio.timeout(timeout), self._arrival:
            await self._arrival.wait_for(lambda: self.abandoned >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        # At its very end, so that whoever ends the receiver waits for the closing.
        task.add_done_callback(self._connections.discard)
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await _read(reader)
        answer = self._answers.popleft() if self._answers else self.default
        async with self._arrival:
            self.requests.append(request)
            self._arrival.notify_all()
        if self._release is not None:
            await self._release.wait()
            answer = self.default
        if answer.cut:
            return False
        if answer.hang:
            return await self._until_abandoned(reader)
        writer.write(_head(answer))
        await writer.drain()
        while answer.endless:
            writer.write(b"x" * 4096)
            await writer.drain()
        return not answer.stalled or await self._until_abandoned(reader)

    async def _until_abandoned(self, reader: asyncio.StreamReader) -> bool:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        async with self._arrival:
            self.abandoned += 1
            self._arrival.notify_all()
        return False


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = [line.partition(":") for line in head[1:] if line]
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    now = asyncio.get_running_loop().time()
    return Request(path=head[0].split()[1], headers=headers, body=body, at=now)


def _head(answer: Answer) -> bytes:
    fields = dict(answer.headers)
    body = answer.body
    if answer.endless:
        body = b""
    elif answer.stalled:
        fields, body = {**fields, "Content-Length": "1000"}, b""
    else:
        fields["Content-Length"] = str(len(body))
    lines = [f"HTTP/1.1 {answer.status} Scripted", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
