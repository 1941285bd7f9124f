"""The parent's handle on one child process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from sage_mail.confinement.frames import AnswerTooLong, Verdict, read_answer, write_task
from sage_mail.confinement.limits import Limits
from sage_mail.confinement.outcome import Failed, Failure, Finished

__all__ = ["Child"]

# Not by `-m`, which would leave our search path to the environment and the folder we are in.
_PROGRAM: Final = """
import runpy, sys
module, count = sys.argv[1], int(sys.argv[2])
sys.path[:] = sys.argv[3 : 3 + count]
del sys.argv[1 : 3 + count]
runpy.run_module(module, run_name="__main__")
"""
# What an interpreter may need to find its own libraries; nothing in which a secret is kept.
_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Child:
    """A running child with one channel to it; `run` gives it a task, `kill` ends it at once.

    On Linux it ends with the thread that has started it (prctl(2)), which is therefore to live as
    long as the child is wanted. Only `kill` may be called from other threads.
    """

    def __init__(self, entry: str, limits: Limits) -> None:
        self._limits = limits
        self._killing = threading.Lock()
        self._channel, theirs = socket.socketpair()
        with theirs, ExitStack() as undone:
            undone.callback(self._channel.close)
            self._process = _start(entry, limits, theirs)
            undone.pop_all()
        self._ready = False
        self.tasks = 0

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """False if it has ended by itself."""
        return self._process.poll() is None

    def is_ready(self, until: float) -> bool:
        """True if the child takes tasks by the instant *until* of the monotonic clock."""
        try:
            self._await_ready(until)
        except (EOFError, OSError, AnswerTooLong):
            return False
        return True

    def run(self, asked: bytes, body: bytes, *, until: float) -> Finished | Failed:
        """What the child makes of the task, by the instant *until* of the monotonic clock.

        The time until the child is ready counts for that, and not for the seconds of the task.
        After a failure it is to be killed.
        """
        self.tasks += 1
        so_far, seconds = b"", self._limits.seconds
        try:
            self._await_ready(until)
            seconds = min(seconds, until - time.monotonic())
            until = time.monotonic() + seconds
            write_task(self._channel, asked, body, until=until)
            while True:
                verdict, answer = read_answer(
                    self._channel, longest=self._limits.answer, until=until
                )
                if verdict != Verdict.SO_FAR:
                    return _outcome(verdict, answer, so_far)
                so_far = answer
        except TimeoutError:
            detail = f"after {seconds:.2g} s" if self._ready else "before it began"
            return Failed(Failure.TIMED_OUT, detail, so_far)
        except AnswerTooLong:
            return Failed(Failure.CRASHED, "an answer that is too long", so_far)
        except (EOFError, OSError):
            return self._post_mortem(so_far)

    def kill(self) -> None:
        """End the child, whatever it does, and wait for its end; may be called again."""
        with self._killing:
            self._process.kill()
            self._process.wait()
            with suppress(OSError):
                # Wakes the thread that reads, which closing would not.
                self._channel.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Kill the child without waiting, and close the channel; by the thread that runs its tasks.

        Where much memory has to be given back, the end takes a while: `alive` tells.
        """
        self._process.kill()
        self._channel.close()

    def _await_ready(self, until: float) -> None:
        if not self._ready:
            read_answer(self._channel, longest=0, until=until)
            self._ready = True

    def _post_mortem(self, so_far: bytes) -> Failed:
        self._process.kill()
        code = self._process.wait()
        detail = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return Failed(Failure.CRASHED, detail, so_far)


def _outcome(verdict: int, answer: bytes, so_far: bytes) -> Finished | Failed:
    match verdict:
        case Verdict.DONE:
            return Finished(answer)
        case Verdict.OUT_OF_MEMORY:
            return Failed(Failure.OUT_OF_MEMORY, so_far=so_far)
        case _:
            return Failed(Failure.CRASHED, answer[:100].decode("ascii", "replace"), so_far)


def _start(entry: str, limits: Limits, channel: socket.socket) -> subprocess.Popen[bytes]:
    path = [str(Path(folder).absolute()) for folder in sys.path]
    numbers = [str(os.getpid()), str(limits.memory), str(limits.seconds)]
    return subprocess.Popen(  # noqa: S603 - our own program
        [*_interpreter(), _PROGRAM, entry, str(len(path)), *path, *numbers],
        stdin=channel.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    )


def _interpreter() -> list[str]:
    """Ours, that takes nothing from the environment and writes no bytecode."""
    return [sys.executable, "-I", "-B", "-X", "utf8", "-c"]
