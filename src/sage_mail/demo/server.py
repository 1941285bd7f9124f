"""An IMAP server in this very process: pymap's dictionary backend, on loopback, without TLS.

It offers IDLE, MOVE, UIDPLUS and LITERAL+, keeps everything in memory and is gone with the process.
"""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPServer

from sage_mail.listening import stop_accepting

__all__ = ["HOST", "PASSWORD", "USERNAME", "EmbeddedServer", "embedded_server"]

HOST = "127.0.0.1"
USERNAME = "ada"
PASSWORD = "analytical-engine"  # noqa: S105 - of a server that lives in this process, on loopback


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """Where the server listens and who may sign in."""

    port: int
    host: str = HOST
    username: str = USERNAME
    password: str = PASSWORD


@asynccontextmanager
async def embedded_server() -> AsyncIterator[EmbeddedServer]:
    """A running server on a free port; it ends with the block, open connections included."""
    backend, config = await DictBackend.init(_arguments())
    config.apply_context()
    connections: set[asyncio.Task[None]] = set()
    serve = ProxyProtocolReader(config.proxy_protocol).get_callback(
        IMAPServer(backend.login, config)
    )

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await serve(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            writer.close()
        finally:
            connections.discard(task)

    listener = await asyncio.start_server(connected, HOST, 0)
    try:
        yield EmbeddedServer(port=listener.sockets[0].getsockname()[1])
    finally:
        await stop_accepting(listener.sockets)
        listener.close()
        await _end(connections)
        await listener.wait_closed()


async def _end(connections: set[asyncio.Task[None]]) -> None:
    for task in tuple(connections):
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


def _arguments() -> Namespace:
    """What pymap's command line would have made of its options."""
    return Namespace(
        debug=False,
        demo_data=False,
        demo_password=PASSWORD,
        demo_user=USERNAME,
        host=None,
        inherited_sockets=None,
        passlib_cfg=None,
        port="0",
        proxy_protocol=None,
        tls=False,
        cert=None,
        key=None,
    )
