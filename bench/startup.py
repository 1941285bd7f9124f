"""How fast ``sage-mail --help`` answers: ``startup.py [TIMES]``, twenty unless told.

Each time is that of a process of its own, from its start to its end. The time of the processor is
what remains of it on a machine with nothing else to do.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

_HALF_A_SECOND = 0.5


def _once() -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "sage_mail.cli", "--help"], check=True, stdout=subprocess.DEVNULL
    )
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the median and the slowest."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    clock, processor = zip(*(_once() for _ in range(times)), strict=True)
    for name, seconds in (("by the clock", clock), ("of the processor", processor)):
        median = statistics.median(seconds)
        print(f"sage-mail --help: {median:.2f} s {name}, at most {max(seconds):.2f} s, ", end="")
        print("within" if median <= _HALF_A_SECOND else "ABOVE", f"{_HALF_A_SECOND} s")


if __name__ == "__main__":
    main()
