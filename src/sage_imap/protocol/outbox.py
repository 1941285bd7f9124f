"""Octets that wait to be sent, with the pauses that synchronising literals impose."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from sage_imap.protocol.command import Literal

__all__ = ["Outbox", "segments"]


@dataclass(frozen=True, slots=True)
class _Segment:
    tag: bytes
    data: bytes
    first: bool
    pauses: bool


def segments(pieces: Iterable[bytes | Literal], *, unasked: int) -> list[bytes]:
    """A command's octets, cut where it has to wait for a continuation.

    Literals of at most *unasked* octets are sent without one (RFC 7888).
    """
    done: list[bytes] = []
    parts: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            parts.append(piece)
            continue
        size = len(piece.data)
        waits = size > unasked
        tilde, plus = b"~" * piece.binary, b"+" * (not waits)
        parts.append(b"%b{%d%b}\r\n" % (tilde, size, plus))
        if waits:
            done.append(b"".join(parts))
            parts.clear()
        parts.append(piece.data)
    return [*done, b"".join(parts)]


class Outbox:
    """A queue that stands still while a literal waits for its continuation."""

    __slots__ = ("_queue", "_waiting")

    def __init__(self) -> None:
        self._queue: deque[_Segment] = deque()
        self._waiting: bytes | None = None

    def put(self, tag: bytes, parts: list[bytes]) -> None:
        """Queue *parts* of the command *tag*, with a pause behind each but the last."""
        last = len(parts) - 1
        self._queue.extend(
            _Segment(tag, data, index == 0, index < last) for index, data in enumerate(parts)
        )

    def take(self) -> bytes:
        """All that may be sent now."""
        taken: list[bytes] = []
        while self._queue and self._waiting is None:
            segment = self._queue.popleft()
            taken.append(segment.data)
            if segment.pauses:
                self._waiting = segment.tag
        return b"".join(taken)

    def go_on(self) -> bool:
        """End the pause, since a continuation came; False if there was none to end."""
        paused = self._waiting is not None
        self._waiting = None
        return paused

    def drop(self, tag: bytes) -> None:
        """Forget what the command *tag*, which is over, had still to send.

        Octets that a continuation asked for are sent all the same: the server counts on them, and
        would take the next command for them.
        """
        if self._waiting == tag:
            self._waiting = None
        elif not any(segment.tag == tag and segment.first for segment in self._queue):
            return
        self._queue = deque(segment for segment in self._queue if segment.tag != tag)

    def clear(self) -> None:
        """Forget everything."""
        self._queue.clear()
        self._waiting = None
