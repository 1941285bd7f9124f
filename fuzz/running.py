"""Running a target's examples, and keeping the smallest of those that break its invariant."""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from fuzz.bounds import bounded

__all__ = ["Tally", "run_for", "run_round"]

ROUND = 500
"""Examples between two looks at the clock; each round has a seed of its own."""


@dataclass
class Tally:
    """What a target did so far.

    ``findings`` are examples by the kind and the place of what they raised: of each the last one,
    which is the smallest once Hypothesis is done.
    """

    target: ModuleType
    examples: int = 0
    slowest: float = 0.0
    findings: dict[str, Any] = field(default_factory=dict)

    def check(self, example: Any) -> None:
        """Check *example* and count it."""
        begun = time.process_time()
        try:
            with bounded():
                self.target.check(example)
        except Exception as error:
            self.findings[_place(error)] = example
            raise
        finally:
            self.examples += 1
            self.slowest = max(self.slowest, time.process_time() - begun)

    def summary(self) -> str:
        """One line on the target."""
        name = self.target.__name__.removeprefix("fuzz.")
        return (
            f"{name:<14} {self.examples:>9} examples, slowest {self.slowest * 1000:7.1f} ms, "
            f"{len(self.findings)} findings"
        )

    def reproducers(self) -> list[str]:
        """For each finding the lines that show it."""
        name = self.target.__name__
        return [
            f"{place}\n    from {name} import check\n    check({example!r})"
            for place, example in self.findings.items()
        ]


def run_for(tally: Tally, seconds: float) -> None:
    """Check examples for *seconds*, or until there is a finding."""
    end = time.monotonic() + seconds
    for number in itertools.count():
        run_round(tally, number)
        if tally.findings or time.monotonic() >= end:
            return


def run_round(tally: Tally, number: int, examples: int = ROUND) -> None:
    """Check as many *examples*, the same for the same *number*."""
    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        print_blob=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    turn: Callable[[], None] = seed(number)(
        chosen(given(example=tally.target.EXAMPLES)(_test(tally)))
    )
    try:
        turn()
    except Exception:
        if not tally.findings:
            raise  # it is the strategy that is broken


def _test(tally: Tally) -> Callable[[Any], None]:
    def test(example: Any) -> None:
        tally.check(example)

    return test


def _place(error: Exception) -> str:
    """The kind of *error* and where it was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = "/".join(last.filename.rsplit("/", 2)[-2:])
    text = str(error).partition("\n")[0][:200]
    return f"{type(error).__name__} at {where}:{last.lineno}: {text}"
