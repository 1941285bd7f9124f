"""The one loop thread on which the asynchronous parts of the patterns run.

It starts with the first use and ends with the process, which it never holds up.
"""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager

from anyio.from_thread import BlockingPortal, start_blocking_portal

__all__ = ["portal"]

_lock = threading.Lock()
# By process: after a fork the thread is gone.
_open: dict[int, tuple[AbstractContextManager[BlockingPortal], BlockingPortal]] = {}


def portal() -> BlockingPortal:
    """The way onto the loop thread, from any thread but itself."""
    with _lock:
        if os.getpid() not in _open:
            _open.clear()
            manager = start_blocking_portal(name="sage-mail patterns")
            # Kept, because a manager that is forgotten ends its portal.
            _open[os.getpid()] = (manager, manager.__enter__())
        return _open[os.getpid()][1]
