"""What one example may cost: time and memory.

Examples have a few kilobytes at most, so that the bounds are generous by a factor of a hundred.
"""

from __future__ import annotations

import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["MOST_MEMORY", "MOST_SECONDS", "TooExpensive", "bounded"]

MOST_SECONDS = 2.0
"""Seconds of our own CPU time, so that what else runs on the machine makes no difference."""

MOST_MEMORY = 64 * 1024 * 1024
"""Octets by which an example may raise the peak of the process's resident memory."""


class TooExpensive(AssertionError):
    """An example took too long or too much memory."""


class _Alarm(BaseException):
    """Not to be caught by what is being fuzzed."""


@contextmanager
def bounded() -> Iterator[None]:
    """Raises `TooExpensive` where the block passes a bound, and in the middle of it if it hangs.

    A regular expression that runs away is interrupted, too. Outside the main thread, where no
    alarm can be set, only memory is bounded.
    """
    before = _peak()
    try:
        with _alarm():
            yield
    except _Alarm:
        raise TooExpensive(f"it took more than {MOST_SECONDS} s") from None
    grown = _peak() - before
    if grown > MOST_MEMORY:
        raise TooExpensive(f"memory grew by {grown // (1024 * 1024)} MiB")


@contextmanager
def _alarm() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGVTALRM, _ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def _ring(signum: int, frame: FrameType | None) -> None:
    raise _Alarm


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
