"""The fault proxy, between two sockets of the test's own."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.faultproxy import FaultProxy


@dataclass(slots=True)
class Ends:
    """Both ends of one connection, and the proxy between them."""

    proxy: FaultProxy
    client: socket.socket
    server: socket.socket


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A connection through a proxy."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        with (
            FaultProxy("127.0.0.1", listener.getsockname()[1]) as proxy,
            socket.create_connection(("127.0.0.1", proxy.port), 10) as client,
        ):
            server, _ = listener.accept()
            server.settimeout(10)
            with server:
                yield Ends(proxy, client, server)


def _received(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (part := sock.recv(count - len(data))):
        data += part
    return data


def test_passes_both_ways(ends: Ends) -> None:
    """Unless told otherwise, the proxy is not noticed, and it counts."""
    ends.client.sendall(b"ping")
    assert _received(ends.server, 4) == b"ping"
    ends.server.sendall(b"pong!")
    assert _received(ends.client, 5) == b"pong!"
    assert (ends.proxy.connections, ends.proxy.open) == (1, 1)
    assert (ends.proxy.from_client, ends.proxy.from_server) == (4, 5)


def test_closing_is_passed_on(ends: Ends) -> None:
    """An end that is closed closes the other, and the link is forgotten."""
    ends.server.close()
    assert ends.client.recv(1) == b""
    ends.proxy.wait_until(lambda proxy: proxy.open == 0)


def test_deaf(ends: Ends) -> None:
    """A deaf proxy takes what comes, passes nothing on and closes nothing."""
    ends.proxy.deafen()
    ends.client.sendall(b"ping")
    ends.server.sendall(b"pong")
    ends.proxy.wait_until(lambda proxy: proxy.from_client == 4 == proxy.from_server)
    for end in (ends.client, ends.server):
        end.settimeout(0.05)
        with pytest.raises(TimeoutError):
            end.recv(1)
    ends.proxy.pass_on()
    ends.server.settimeout(10)
    ends.client.sendall(b"again")
    assert _received(ends.server, 5) == b"again"


def test_deaf_hides_the_end(ends: Ends) -> None:
    """While the proxy is deaf, the client does not learn that the server is gone."""
    ends.proxy.deafen()
    ends.server.close()
    ends.client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        ends.client.recv(1)
    ends.proxy.pass_on()
    ends.client.settimeout(10)
    assert ends.client.recv(1) == b""


@pytest.mark.parametrize("count", [0, 1, 7, 10])
def test_cut_after(ends: Ends, count: int) -> None:
    """The client gets so many octets of the server's and then the end."""
    ends.proxy.cut_after(count)
    if count:
        ends.server.sendall(b"0123456789")
    assert _received(ends.client, 99) == b"0123456789"[:count]


def test_reset(ends: Ends) -> None:
    """Both ends see a reset."""
    ends.client.sendall(b"x")
    assert _received(ends.server, 1) == b"x"
    ends.proxy.reset()
    with pytest.raises(ConnectionResetError):
        ends.client.recv(1)
    with pytest.raises(ConnectionResetError):
        ends.server.recv(1)


def test_close_all(ends: Ends) -> None:
    """Both ends see an orderly end."""
    ends.proxy.close_all()
    assert ends.client.recv(1) == b""
    assert ends.server.recv(1) == b""


def test_hold_and_release(ends: Ends) -> None:
    """Two things that the server said apart can be delivered together, or one in two."""
    ends.proxy.hold()
    ends.server.sendall(b"+ idling\r\n")
    ends.proxy.wait_held(b"idling\r\n")
    ends.server.sendall(b"* 1 EXISTS\r\n")
    ends.proxy.wait_held(b"EXISTS\r\n")
    assert ends.proxy.held == b"+ idling\r\n* 1 EXISTS\r\n"
    ends.proxy.release(3)
    assert ends.client.recv(100) == b"+ i"
    ends.proxy.release()
    assert ends.client.recv(100) == b"dling\r\n* 1 EXISTS\r\n"
    ends.server.sendall(b"more")
    ends.proxy.wait_held(b"more")
    ends.proxy.pass_on()
    assert ends.client.recv(100) == b"more"


def test_split(ends: Ends) -> None:
    """A split stream is the same stream."""
    ends.proxy.split(3)
    ends.server.sendall(b"0123456789")
    assert _received(ends.client, 10) == b"0123456789"


def test_slow(ends: Ends) -> None:
    """A slow proxy delivers at its rate."""
    ends.proxy.slow(1000)
    began = time.monotonic()
    ends.server.sendall(b"x" * 300)
    assert _received(ends.client, 300) == b"x" * 300
    assert time.monotonic() - began > 0.2


def test_nobody_behind() -> None:
    """Where the target does not listen, the client's connection is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        FaultProxy("127.0.0.1", port) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), 10) as client,
    ):
        assert client.recv(1) == b""


async def test_from_asyncio() -> None:
    """It has a thread of its own, so that an event loop may be its client and its server."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        with FaultProxy("127.0.0.1", server.sockets[0].getsockname()[1]) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(b"hello\n")
            assert await reader.read() == b"hello\n"
            writer.close()
            await writer.wait_closed()
