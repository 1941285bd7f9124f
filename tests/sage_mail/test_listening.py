"""The end of a server, with a connection that comes just then."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from sage_mail.listening import stop_accepting


@pytest.mark.parametrize("turns", range(8))
async def test_no_connection_is_left_open(turns: int) -> None:
    """However far a connection has come when the server ends, it is handled or reset."""
    begun: list[asyncio.StreamWriter] = []

    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append(writer)
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname(), 10) as client:
        for _turn in range(turns):
            await asyncio.sleep(0)
        await stop_accepting(server.sockets)
        count = len(begun)
        server.close()
        client.setblocking(False)
        heard = b""
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionResetError):
                heard = await asyncio.get_running_loop().sock_recv(client, 5)
    assert len(begun) == count
    assert heard == b"hello" * count
