"""The child's side: held to its limits first, then task after task until the parent is gone.

A child has no standard output, no environment of the parent's and no open file but the channel, so
that a parser that was taken over finds no secret and nobody to tell.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from sage_mail.confinement.frames import Verdict, read_task, write_answer
from sage_mail.confinement.limits import confine, end_with_parent, start_clock

__all__ = ["Handle", "Tell", "serve"]

_CHANNEL: Final = 0

#: Tells the parent what the answer would be if the task got no further.
Tell = Callable[[bytes], None]
#: What makes an answer of the two parts of a task; it may tell what it has so far.
Handle = Callable[[bytes, bytes, Tell], bytes]


def serve(handle: Handle, rehearsal: Iterable[Callable[[], object]] = ()) -> None:
    """Answer each task with what *handle* makes of it; never returns.

    What *rehearsal* consists of is done one after the other before the first task, as long as none
    waits: the place to import what tasks will need. The arguments of the program are the parent's
    process id, the memory in octets and the seconds of a task.
    """
    parent, memory, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    confine(memory)
    end_with_parent(parent)
    channel = socket.socket(fileno=_CHANNEL)
    write_answer(channel, Verdict.READY)
    _rehearse(channel, rehearsal)
    while (task := read_task(channel)) is not None:
        start_clock(seconds)
        verdict, answer = _attempt(handle, *task, channel)
        signal.setitimer(signal.ITIMER_REAL, 0)
        write_answer(channel, verdict, answer)
    os._exit(0)


def _rehearse(channel: socket.socket, rehearsal: Iterable[Callable[[], object]]) -> None:
    for part in rehearsal:
        if select.select([channel], [], [], 0)[0]:
            return
        # The task that needs it will fail by it, and say so; others may do without.
        with suppress(ImportError, MemoryError):
            part()


def _attempt(
    handle: Handle, asked: bytes, body: bytes, channel: socket.socket
) -> tuple[Verdict, bytes]:
    def tell(so_far: bytes) -> None:
        write_answer(channel, Verdict.SO_FAR, so_far)

    try:
        return Verdict.DONE, handle(asked, body, tell)
    except MemoryError:
        return Verdict.OUT_OF_MEMORY, b""
    except Exception as error:  # noqa: BLE001 - the edge of the process: the parent is told, and replaces us
        # The text of an error may quote the input, its type does not.
        return Verdict.RAISED, type(error).__name__.encode()
