"""The end of a server of asyncio's, which otherwise loses a connection that comes just then.

``Server.close`` between the accepting of a connection and the making of its transport, one turn of
the loop later, leaves the connection open and unanswered until it is garbage (CPython gh-109564).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

__all__ = ["stop_accepting"]

# Of a connection that was accepted: its transport, ``connection_made``, its handler's first step.
_TURNS: Final = 3


class _Listener(Protocol):
    def fileno(self) -> int: ...


async def stop_accepting(listeners: Iterable[_Listener]) -> None:
    """Accept nothing more on these sockets, on which servers of the running loop listen.

    To be awaited before the servers are closed. What was accepted until now has its handler when
    this returns, with TLS as soon as the handshake is through; what comes later waits in vain and
    is reset when the sockets are closed.
    """
    loop = asyncio.get_running_loop()
    for listener in listeners:
        loop.remove_reader(listener.fileno())
    for _turn in range(_TURNS):
        await asyncio.sleep(0)
