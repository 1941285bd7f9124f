"""Running a target by atheris: octets chosen by the branches that they reach.

``python -m fuzz.coverage_guided TARGET SECONDS FOLDER`` is a process of its own for each target,
since libFuzzer ends the process that it ran in. FOLDER keeps the octets that are worth keeping;
the target's seeds are put there first.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from fuzz.running import Tally

__all__ = ["is_installed", "run_guided"]

_FINDING = "FINDING "
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*([0-9]+)")
_SLOWEST = re.compile(r"SLOWEST ([0-9.]+)")
_LONGEST = 4096  # octets of an example
_SHRINKING = 20.0  # seconds


def is_installed() -> bool:
    """Whether there is an atheris to import."""
    return importlib.util.find_spec("atheris") is not None


def run_guided(tally: Tally, seconds: float) -> None:
    """Check octets for *seconds*, or until there is a finding."""
    name = tally.target.__name__.removeprefix("fuzz.")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for number, octets in enumerate(tally.target.SEEDS):
            (Path(folder) / f"seed-{number}").write_bytes(octets)
        command = [sys.executable, "-m", "fuzz.coverage_guided", name, str(int(seconds)), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    executed, slowest = _EXECUTED.search(output), _SLOWEST.search(output)
    tally.examples += int(executed[1]) if executed else 0
    tally.slowest = max(tally.slowest, float(slowest[1]) if slowest else 0.0)
    for line in output.splitlines():
        if line.startswith(_FINDING):
            place, _, octets = line.removeprefix(_FINDING).partition("\t")
            tally.findings[place] = tally.target.from_octets(bytes.fromhex(octets))
    if done.returncode and not tally.findings:
        raise RuntimeError(f"atheris ended with {done.returncode}: {output[-2000:]}")


def _main(name: str, seconds: str, folder: str) -> None:
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["sage_imap"]):
        target = importlib.import_module(f"fuzz.{name}")
    tally = Tally(target)

    def check(octets: bytes) -> None:
        before = tally.slowest
        try:
            tally.check(target.from_octets(octets))
        except Exception:
            _report(target, tally, octets)
            raise
        if tally.slowest > before:
            print(f"SLOWEST {tally.slowest:.6f}", flush=True)

    options = [
        f"-max_total_time={seconds}",
        f"-max_len={_LONGEST}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        "-verbosity=0",
        "-timeout=30",
        "-rss_limit_mb=2048",
    ]
    atheris.Setup([sys.argv[0], *options, folder], check)
    atheris.Fuzz()


def _report(target: ModuleType, tally: Tally, octets: bytes) -> None:
    place = next(iter(tally.findings))
    smallest = _shrunk(octets, lambda shorter: _breaks(target, shorter, place))
    print(f"{_FINDING}{place}\t{smallest.hex()}", flush=True)


def _breaks(target: ModuleType, octets: bytes, place: str) -> bool:
    tally = Tally(target)
    try:
        tally.check(target.from_octets(octets))
    except Exception:  # noqa: BLE001 - whatever it is, it is compared
        return _kind(next(iter(tally.findings))) == _kind(place)
    return False


def _kind(place: str) -> str:
    return place.split(": ")[0]


def _shrunk(octets: bytes, breaks: Callable[[bytes], bool]) -> bytes:
    """*octets* without what the finding does not need, as far as time allows."""
    end = time.monotonic() + _SHRINKING
    size = len(octets) // 2
    while size and time.monotonic() < end:
        start, cut = 0, False
        while start < len(octets) and time.monotonic() < end:
            shorter = octets[:start] + octets[start + size :]
            if breaks(shorter):
                octets, cut = shorter, True
            else:
                start += size
        size = size if cut and size == 1 else size // 2
    return octets


if __name__ == "__main__":
    _main(*sys.argv[1:])
