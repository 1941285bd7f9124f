"""A buffer into which sockets are read, shared by all connections of a thread.

What was read is copied out before anybody else can run in the thread, so that an idle connection
needs no buffer of its own.
"""

from __future__ import annotations

import threading
from typing import Final

__all__ = ["READ_SIZE", "SMALL_READ_SIZE", "scratch"]

READ_SIZE: Final = 256 * 1024
"""Octets. Large reads save calls when bodies come; one of 256 KiB costs as much as one of 4."""
SMALL_READ_SIZE: Final = 32 * 1024
"""Octets. The rows of more become 700 containers at once, which wake the garbage collector."""


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.view = memoryview(bytearray(READ_SIZE))


_per_thread: Final = _PerThread()


def scratch() -> memoryview:
    """This thread's buffer of `READ_SIZE` octets."""
    return _per_thread.view
