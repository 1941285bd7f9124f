"""The child's side: held to its limits first, then task after task until the parent is gone.

A child has no standard output, no environment of the parent's and no open file but the channel, so
that a parser that was taken over finds no secret and nobody to tell.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

from sage_mail.confinement.frames import Verdict, read_task, write_answer
from sage_mail.confinement.limits import confine, end_with_parent, start_clock

__all__ = ["serve"]

_CHANNEL: Final = 0


def serve(handle: Callable[[bytes, bytes], bytes]) -> None:
    """Answer each task with what *handle* makes of its two parts; never returns.

    The arguments of the program are the parent's process id, the memory in octets and the seconds
    of a task.
    """
    parent, memory, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    confine(memory)
    end_with_parent(parent)
    channel = socket.socket(fileno=_CHANNEL)
    write_answer(channel, Verdict.READY)
    while (task := read_task(channel)) is not None:
        start_clock(seconds)
        verdict, answer = _attempt(handle, *task)
        signal.setitimer(signal.ITIMER_REAL, 0)
        write_answer(channel, verdict, answer)
    os._exit(0)


def _attempt(
    handle: Callable[[bytes, bytes], bytes], asked: bytes, body: bytes
) -> tuple[Verdict, bytes]:
    try:
        return Verdict.DONE, handle(asked, body)
    except MemoryError:
        return Verdict.OUT_OF_MEMORY, b""
    except Exception as error:  # noqa: BLE001 - the edge of the process: the parent is told, and replaces us
        # The text of an error may quote the input, its type does not.
        return Verdict.RAISED, type(error).__name__.encode()
