"""What wakes a thread that waits for a socket, without a word on the wire.

`ring` takes no lock, so that a signal handler may call it. The order makes up for it: it says so
before it looks for the pair, and `wait` has made the pair before it looks whether it rang.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import Final

__all__ = ["Bell"]

_LONGEST: Final = 86_400.0  # seconds; the system's clocks take weeks at most


class Bell:
    """Ends the waits for one socket from outside.

    One thread waits at a time. No descriptors are taken until somebody does.
    """

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._rung = False
        self._pair: tuple[socket.socket, socket.socket] | None = None
        self._selector: selectors.BaseSelector | None = None

    def ring(self) -> None:
        """End the wait that goes on, or else the next one."""
        self._rung = True
        pair = self._pair
        if pair is not None:
            with suppress(OSError):  # it is full of rings, or closed
                pair[1].send(b"\0")

    def silence(self) -> None:
        """Forget that it rang."""
        self._rung = False
        self._drain()

    def _drain(self) -> None:
        if self._pair is not None:
            with suppress(BlockingIOError):
                while self._pair[0].recv(64):
                    pass

    def wait(self, sock: socket.socket, timeout: float) -> bool:
        """Whether *sock* became readable within *timeout* seconds and before the bell rang."""
        selector = self._watching(sock)
        deadline = time.monotonic() + min(timeout, _LONGEST)
        while not self._rung:
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if self._rung:
                break
            if not ready or any(key.fileobj is sock for key, _ in ready):
                return bool(ready)
            self._drain()  # of a ring that was silenced between its saying so and its octet
        self.silence()
        return False

    def fileno(self, sock: socket.socket) -> int:
        """A descriptor that is readable where *sock* is, and while the bell rings.

        Where the system has none that stands for two, it is that of *sock*.
        """
        joint = getattr(self._watching(sock), "fileno", None)
        return sock.fileno() if joint is None else int(joint())

    def close(self) -> None:
        """Give the descriptors back; may be called twice."""
        if self._selector is not None:
            self._selector.close()
        for end in self._pair or ():
            end.close()

    def _watching(self, sock: socket.socket) -> selectors.BaseSelector:
        with self._making:
            if self._selector is None:
                self._selector = self._made(sock)
            return self._selector

    def _made(self, sock: socket.socket) -> selectors.BaseSelector:
        ears, hand = socket.socketpair()
        ears.setblocking(False)
        hand.setblocking(False)
        selector = selectors.DefaultSelector()
        selector.register(ears, selectors.EVENT_READ)
        selector.register(sock, selectors.EVENT_READ)
        self._pair = (ears, hand)
        if self._rung:
            self.ring()
        return selector
