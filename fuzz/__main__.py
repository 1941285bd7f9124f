"""``python -m fuzz [TARGET ...] [--seconds 600] [--engine hypothesis|atheris]``.

Runs each target for that long, a line each: examples, the slowest, findings. A finding is printed
with its smallest example; the exit status says whether there was one.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import resource
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from fuzz import TARGETS

BATCH = 500
SLOWEST_ALLOWED = 2.0
"""CPU seconds for one example, none of which is larger than a few kilobytes."""
MOST_GROWTH = 300 * 1024
"""Kilobytes of memory that a target may come to need."""


@dataclass
class Tally:
    """What a target did so far."""

    examples: int = 0
    slowest: float = 0.0


def timed(target: ModuleType, tally: Tally) -> Callable[[Any], None]:
    """The target's check, with its cost counted and bounded."""

    def check(example: Any) -> None:
        begun = time.process_time()
        target.check(example)
        spent = time.process_time() - begun
        tally.examples += 1
        tally.slowest = max(tally.slowest, spent)
        assert spent < SLOWEST_ALLOWED, f"one example took {spent:.1f} s"

    return check


def strategy(target: ModuleType) -> SearchStrategy[Any]:
    """The target's examples."""
    examples: SearchStrategy[Any] = target.EXAMPLES
    return examples


def run_hypothesis(target: ModuleType, tally: Tally, deadline: float) -> None:
    """Examples until *deadline*; raises what the first finding raised."""
    for number in itertools.count():
        if time.monotonic() >= deadline:
            return
        test = given(example=strategy(target))(timed(target, tally))
        chosen = settings(
            max_examples=BATCH,
            deadline=None,
            database=None,
            print_blob=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        turn: Callable[[], None] = seed(number)(chosen(test))
        turn()


def run_atheris(target: ModuleType, tally: Tally, seconds: int) -> None:
    """The same by coverage-guided octets; the process ends with the run, as libFuzzer does."""
    atheris = importlib.import_module("atheris")
    chosen = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    test: Any = chosen(given(example=strategy(target))(timed(target, tally)))
    one_input = atheris.instrument_func(test.hypothesis.fuzz_one_input)
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}"], one_input)
    atheris.Fuzz()


def fuzz(name: str, seconds: int) -> bool:
    """Run one target and say so; whether nothing was found."""
    tally = Tally()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        run_hypothesis(TARGETS[name], tally, time.monotonic() + seconds)
        growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert growth < MOST_GROWTH, f"memory grew by {growth // 1024} MB"
    except Exception:  # noqa: BLE001 - whatever it is, it is a finding
        traceback.print_exc()
        print(f"{name:<14} FINDING after {tally.examples} examples", flush=True)
        return False
    slowest = tally.slowest * 1000
    print(f"{name:<14} {tally.examples:>9} examples, slowest {slowest:6.1f} ms, none", flush=True)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz the library.")
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--engine", choices=["hypothesis", "atheris"], default="hypothesis")
    given_arguments = parser.parse_args()
    names = given_arguments.targets or list(TARGETS)
    if given_arguments.engine == "hypothesis":
        clean = [fuzz(name, given_arguments.seconds) for name in names]
        return 0 if all(clean) else 1
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed (it has no wheel for every Python): nothing was run")
        return 0
    if len(names) != 1:
        parser.error("atheris runs one target: name it")
    run_atheris(TARGETS[names[0]], Tally(), given_arguments.seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
