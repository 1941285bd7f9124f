"""The second process of `sage_mail.ingest.preparing`, and how the two talk.

``python -m sage_mail.ingest.companion`` gets the pipeline, then messages, and answers in the same
order, each a length and a pickle, by pipes that nobody else has. A backlog waits for its start, so
what is imported here is what parsing and deciding need: no client, no logging, no settings.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import signal
import struct
import sys
from typing import IO, TYPE_CHECKING, Any, Final

from sage_mail.ingest.preparation import prepare_all

if TYPE_CHECKING:
    from sage_mail.pipeline import Pipeline

__all__ = ["main", "receive", "send"]

_LENGTH: Final = struct.Struct(">Q")
_SET_PARENT_DEATH_SIGNAL: Final = 1


def main() -> None:
    """Be the second process: prepare what comes until there is no more."""
    _die_with(int(sys.argv[1]))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Whoever prints must not print into the answers.
    os.dup2(2, 1)
    pipeline: Pipeline = receive(requests)
    send(answers, None)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            fetched, mailbox, context = receive(requests)
            send(answers, prepare_all(fetched, mailbox, pipeline, context))


def _die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent ends; elsewhere the end of the pipe does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def send(pipe: IO[bytes], value: object) -> None:
    """Write the value.

    Raises:
        pickle.PicklingError: it cannot be sent; nothing was written.
    """
    try:
        octets = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except (AttributeError, TypeError) as error:  # how the module tells most of the cases
        raise pickle.PicklingError(str(error)) from error
    pipe.write(_LENGTH.pack(len(octets)))
    pipe.write(octets)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """The next value.

    Raises:
        EOFError: the other process is gone.
    """
    (length,) = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))
    return pickle.loads(_exactly(pipe, length))  # noqa: S301 - by a pipe that only we two have


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    octets = pipe.read(length)
    if len(octets) < length:
        raise EOFError("the other process is gone")
    return octets


if __name__ == "__main__":
    main()
