"""Points at which a process dies on request."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from sage_mail.faults import reach

_PROGRAM = """
from sage_mail.faults import reach
reach("other"); reach("here"); print("once", flush=True); reach("here"); print("twice", flush=True)
"""


def test_nothing_happens_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable the points do nothing."""
    monkeypatch.delenv("SAGE_MAIL_CRASH_AT", raising=False)
    reach("before-commit")


@pytest.mark.parametrize(("wish", "output"), [("here", b""), ("here:2", b"once\n")])
def test_dies_at_the_nth_time(wish: str, output: bytes) -> None:
    """The process kills itself when it reaches the point for the n-th time."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={"SAGE_MAIL_CRASH_AT": wish},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == output
