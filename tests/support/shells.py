"""Both shells under one: tests are written once, with await, for the blocking client as well.

The blocking client runs in a thread, call by call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sage_imap import aio, services
from sage_imap.config import IMAPConfig

__all__ = ["SHELLS", "connected", "unconnected"]

SHELLS = ["blocking", "asyncio"]


def unconnected(shell: str, config: IMAPConfig) -> Any:
    """A client of the named shell that is still to be connected."""
    if shell == "asyncio":
        return aio.IMAPClient(config)
    return _Threaded(services.IMAPClient(config))


@asynccontextmanager
async def connected(shell: str, config: IMAPConfig) -> AsyncIterator[Any]:
    """A client of the named shell that is signed in; it takes leave at the end."""
    client = unconnected(shell, config)
    await client.connect()
    try:
        yield client
    finally:
        await client.logout()


class _Threaded:
    """A blocking object whose methods are awaited."""

    def __init__(self, blocking: Any) -> None:
        self._blocking = blocking

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._blocking, name)
        if not callable(found) or name == "take_events":
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(found, *args, **kwargs)

        return call

    async def iter_fetch(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Rows, each of them fetched in a thread."""
        rows = self._blocking.iter_fetch(*args, **kwargs)
        while (row := await asyncio.to_thread(next, rows, None)) is not None:
            yield row

    def idle(self, **kwargs: Any) -> _ThreadedIdle:
        """IDLE that is entered and left in a thread."""
        return _ThreadedIdle(self._blocking, kwargs)


class _ThreadedIdle:
    def __init__(self, blocking: Any, options: dict[str, Any]) -> None:
        self._blocking = blocking
        self._options = options
        self._idle: Any = None

    async def __aenter__(self) -> Any:
        self._idle = await asyncio.to_thread(self._blocking.idle, **self._options)
        return _Threaded(self._idle)

    async def __aexit__(self, *exception: object) -> None:
        await asyncio.to_thread(self._idle.__exit__, *exception)
