"""``python -m fuzz [TARGET ...] [--seconds 600] [--engine hypothesis|atheris]``.

Runs each target for that long and prints a line for it: examples, the slowest, findings. A finding
is printed as the smallest example that was found for it; the exit status says whether there was
one. Without atheris, which has no wheel for every Python, its engine says so and ends well.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence

from fuzz.coverage_guided import is_installed, run_guided
from fuzz.running import Tally, run_for
from fuzz.targets import TARGETS

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what *arguments* say; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz the library.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=600, help="for each target")
    parser.add_argument("--engine", choices=["hypothesis", "atheris"], default="hypothesis")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.targets) - set(TARGETS))
    if unknown:
        parser.error(f"no target is called {unknown[0]}; there are {', '.join(TARGETS)}")
    if chosen.engine == "atheris" and not is_installed():
        print("atheris is not installed; no wheel for this Python, or nobody asked for it")
        return 0
    warnings.simplefilter("error")
    found = [_run(name, chosen.seconds, chosen.engine) for name in chosen.targets or TARGETS]
    return 1 if any(found) else 0


def _run(name: str, seconds: float, engine: str) -> bool:
    """Run one target and say what came of it; whether there was a finding."""
    tally = Tally(TARGETS[name])
    (run_guided if engine == "atheris" else run_for)(tally, seconds)
    print(tally.summary(), flush=True)
    for lines in tally.reproducers():
        print(f"  {lines}", flush=True)
    return bool(tally.findings)


if __name__ == "__main__":
    sys.exit(main())
