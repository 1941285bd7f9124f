"""The demo as a user starts it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.live

_DEMO = [sys.executable, "-m", "sage_mail.cli", "demo", "--pause", "0.1"]


def test_the_demo_ends_by_itself_and_its_counts_add_up() -> None:
    """``--for`` ends it, the summary is printed, the exit status is 0."""
    done = subprocess.run([*_DEMO, "--for", "4s"], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every mail was stored once, announced once, and is where it belongs." in done.stdout
    assert done.stderr == ""


def test_ctrl_c_ends_the_demo_cleanly() -> None:
    """An interrupt is no error: what is on its way is brought to its end and added up."""
    with subprocess.Popen(
        _DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("live page http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 0, out + err
    assert "Traceback" not in err
    assert "does not add up" not in out


def test_a_duration_that_is_none_is_refused() -> None:
    """A clear sentence and no start."""
    done = subprocess.run([*_DEMO, "--for", "soon"], capture_output=True, text=True, timeout=60)

    assert done.returncode != 0
    assert "a duration is a number" in done.stderr
