"""Processes of others, looked at from outside."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

__all__ = ["alive", "children_of", "until_gone"]


def alive(pid: int) -> bool:
    """True if the process runs; one that is dead and not waited for yet does not."""
    with suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in ("Z", "X")
    return False


def children_of(pid: int) -> set[int]:
    """The processes that this one has started and that run."""
    children = set()
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(status[1]) == pid and status[0] not in ("Z", "X"):
                children.add(int(folder.name))
    return children


def until_gone(pids: Iterable[int], seconds: float) -> float:
    """Wait until none of them runs; how many seconds that took. Raises AssertionError else."""
    began = time.monotonic()
    waiting = set(pids)
    while waiting := {pid for pid in waiting if alive(pid)}:
        assert time.monotonic() - began < seconds, f"still alive after {seconds} s: {waiting}"
        time.sleep(0.01)
    return time.monotonic() - began
