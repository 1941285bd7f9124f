"""What a child may use, and how it is held to it by the operating system."""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import Final

__all__ = ["Limits", "confine", "end_with_parent", "start_clock"]

_PR_SET_PDEATHSIG: Final = 1
# An interpreter with its libraries holds some 20 open files; a parser needs none.
_OPEN_FILES: Final = 64
# The parent kills at the limit; the system kills a little later, should the parent be gone or busy.
_GRACE_SECONDS: Final = 1.0
_WATCH_SECONDS: Final = 0.5
_INFINITE: Final = resource.RLIM_INFINITY


@dataclass(frozen=True, slots=True)
class Limits:
    """What one task may use.

    ``seconds`` is the time of a task, by the clock on the wall; ``whole`` the time from when the
    task is handed over to its outcome, with the start of a child if none is ready, and with a
    second attempt. ``memory`` is the whole address space of a child in octets, of which the
    interpreter and its libraries take 75 MiB; ``answer`` the longest answer in octets. After
    ``tasks`` tasks a child is replaced by a fresh one.
    """

    seconds: float = 5.0
    # A second and a half is left for whoever waits on a busy machine, so that no file takes ten.
    whole: float = 8.5
    memory: int = 768 * 1024 * 1024
    answer: int = 1024 * 1024
    tasks: int = 200


def confine(memory: int) -> None:
    """Hold this process to the limits; there is no way back.

    It writes no file, dumps no core, opens few files, and ignores SIGINT, which a terminal sends
    to all of its processes: the parent decides when its children end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _lower(resource.RLIMIT_AS, memory)


def start_clock(seconds: float) -> None:
    """Let the system kill this process if the task that begins now takes too long.

    Both ways work where no Python code runs any more, in a loop of a parser written in C: the time
    by the clock is SIGALRM's, whose default is to end the process, that of the processor has its
    own limit.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_SECONDS)
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime + seconds + _GRACE_SECONDS)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (until, hard))


def end_with_parent(parent: int) -> None:
    """See to it that this process does not outlive its parent, whose id is given."""
    if not _ask_kernel():
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    # The parent may have died before the kernel was asked; nobody would be told of that any more.
    if os.getppid() != parent:
        os._exit(1)


def _ask_kernel() -> bool:
    """Ask Linux for SIGKILL when the parent's thread that started us ends (prctl(2))."""
    if not sys.platform.startswith("linux"):
        return False
    answer: int = ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return answer == 0


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    value = value if hard == _INFINITE else min(value, hard)
    try:
        resource.setrlimit(which, (value, value))
    except (ValueError, OSError):
        # macOS knows RLIMIT_AS and refuses to set it; time and the other limits still hold there.
        if sys.platform.startswith("linux"):
            raise
