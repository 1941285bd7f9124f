"""How parent and child talk: frames of octets over a socket, with nothing in them that runs.

Down go frames of two parts, what is asked and the body it is about; up come frames of a verdict and
an answer. No pickle: a parser that was taken over can say what it likes, but only say it.
"""

from __future__ import annotations

import socket
import struct
import time
from enum import IntEnum
from typing import Final

__all__ = ["AnswerTooLong", "Verdict", "read_answer", "read_task", "write_answer", "write_task"]

_TASK: Final = struct.Struct("!IQ")
_ANSWER: Final = struct.Struct("!BQ")
_PORTION: Final = 1024 * 1024


class AnswerTooLong(ValueError):
    """The child announces more than it may answer."""


class Verdict(IntEnum):
    """What a child says of its task; the first of all says that it is ready.

    ``SO_FAR`` is no end: it has what the child would answer if it got no further.
    """

    READY = 0
    DONE = 1
    OUT_OF_MEMORY = 2
    RAISED = 3
    SO_FAR = 4


def write_task(channel: socket.socket, asked: bytes, body: bytes, *, until: float) -> None:
    """Send a task by the instant *until* of the monotonic clock; raises TimeoutError, OSError."""
    _send(channel, _TASK.pack(len(asked), len(body)) + asked, until)
    _send(channel, body, until)


def read_task(channel: socket.socket) -> tuple[bytes, bytes] | None:
    """The next task, whenever it comes; None when the parent has closed the channel or is gone."""
    try:
        asked_size, body_size = _TASK.unpack(_receive(channel, _TASK.size, None))
        return _receive(channel, asked_size, None), _receive(channel, body_size, None)
    except (EOFError, ConnectionError):
        return None


def write_answer(channel: socket.socket, verdict: Verdict, answer: bytes = b"") -> None:
    """Send what has come of the task."""
    channel.sendall(_ANSWER.pack(verdict, len(answer)) + answer)


def read_answer(channel: socket.socket, *, longest: int, until: float) -> tuple[int, bytes]:
    """The verdict and the answer, by the instant *until* of the monotonic clock.

    Raises:
        AnswerTooLong: the answer is longer than *longest* octets, or no frame of ours.
        EOFError: the child has ended.
        TimeoutError: it takes too long.
    """
    verdict, size = _ANSWER.unpack(_receive(channel, _ANSWER.size, until))
    if size > longest or verdict > max(Verdict):
        raise AnswerTooLong(f"{size} octets")
    return verdict, _receive(channel, size, until)


def _send(channel: socket.socket, data: bytes, until: float) -> None:
    view = memoryview(data)
    while view:
        channel.settimeout(_left(until))
        view = view[channel.send(view[:_PORTION]) :]


def _receive(channel: socket.socket, size: int, until: float | None) -> bytes:
    buffer = bytearray()
    while len(buffer) < size:
        channel.settimeout(None if until is None else _left(until))
        portion = channel.recv(min(_PORTION, size - len(buffer)))
        if not portion:
            raise EOFError
        buffer += portion
    return bytes(buffer)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
