"""The one loop thread on which the asynchronous parts of the patterns run.

It starts with the first use and ends with the process, which it never holds up. That is why it is
not anyio's own ``start_blocking_portal``: the generator of that context manager, closed when the
interpreter ends, waits for a thread that is not there any more.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future

import anyio
from anyio.from_thread import BlockingPortal

__all__ = ["portal"]

_lock = threading.Lock()
# By process: after a fork the thread is gone.
_open: dict[int, BlockingPortal] = {}


def portal() -> BlockingPortal:
    """The way onto the loop thread, from any thread but itself."""
    with _lock:
        if os.getpid() not in _open:
            _open.clear()
            _open[os.getpid()] = _start()
        return _open[os.getpid()]


def _start() -> BlockingPortal:
    opened: Future[BlockingPortal] = Future()

    async def serve() -> None:
        async with BlockingPortal() as portal:
            opened.set_result(portal)
            await portal.sleep_until_stopped()

    threading.Thread(
        target=anyio.run, args=(serve,), name="sage-mail patterns", daemon=True
    ).start()
    return opened.result()
