"""Serving an ASGI application inside a running loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from sage_mail.listening import stop_accepting

__all__ = ["address_of", "listen", "serve", "serve_on"]

_HOST: Final = "127.0.0.1"
# A thousand clients may come back within the same second.
_BACKLOG: Final = 2048
# Clients are not asked for more than a few words.
_LONGEST_MESSAGE: Final = 4096
# How long the kernel keeps what a client does not take, before it gives the connection up. Longer
# than the feed's own patience, so that a client that wakes up late still reads why.
_KERNEL_PATIENCE_MILLISECONDS: Final = 20_000


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals are the process's, not a guest's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str = _HOST, port: int = 0) -> socket.socket:
    """A socket that listens; a *port* of 0 is any free one. Raises `OSError` where it is taken."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    # What is accepted inherits it. asyncio does so only where a socket names its protocol, and
    # without it the second write of an answer waits 40 ms for the first to be acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; what is accepted inherits it
        listener.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _KERNEL_PATIENCE_MILLISECONDS
        )
    return listener


def address_of(listener: socket.socket) -> str:
    """The address (``http://127.0.0.1:8080``) of the socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def serve(app: ASGIApp, *, port: int = 0) -> AsyncIterator[str]:
    """The address at which *app* answers during the block, on loopback; see `listen`."""
    with listen(port=port) as listener:
        async with serve_on(listener, app):
            yield address_of(listener)


@asynccontextmanager
async def serve_on(listener: socket.socket, app: ASGIApp) -> AsyncIterator[None]:
    """A block during which *app* answers on the socket. Streams that are open then are cut."""
    config = uvicorn.Config(
        app,
        access_log=False,
        backlog=_BACKLOG,
        lifespan="off",
        log_config=None,
        # Below that it logs addresses with their query, in which there may be a token.
        log_level="warning",
        timeout_graceful_shutdown=1,
        ws="websockets-sansio",
        ws_max_size=_LONGEST_MESSAGE,
        # A compressor costs each connection more memory than all else.
        ws_per_message_deflate=False,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await stop_accepting([listener])
        await running
