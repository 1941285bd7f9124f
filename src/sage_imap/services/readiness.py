"""The connection as `select.select` and its kind want it.

A server may send the news with the answer to IDLE, in one segment or one TLS record. They are read
then, the socket is silent, and whoever waits for the socket sleeps on mail that has arrived. So
while anything is held that nobody has taken, another descriptor stands in that is always readable.
"""

from __future__ import annotations

import atexit
import socket
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sage_imap.services.driver import Driver

__all__ = ["ReadableSocket"]


class ReadableSocket:
    """Stands for the socket of a connection wherever a `fileno` is asked for."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def fileno(self) -> int:
        """A descriptor that is readable as soon as there is anything to tell.

        Also once `done`, `logout` or `close` was called from elsewhere. It need not be that of the
        socket itself, and is for waiting only. Ask anew before each wait. Raises `ConnectionLost`
        where there is no connection.
        """
        waiting = self._driver.descriptor()
        return _always_readable().fileno() if waiting is None else waiting


@cache
def _always_readable() -> socket.socket:
    ours, theirs = socket.socketpair()
    with suppress(OSError):
        theirs.shutdown(socket.SHUT_RDWR)
    theirs.close()
    atexit.register(ours.close)
    return ours
