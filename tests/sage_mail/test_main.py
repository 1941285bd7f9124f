"""How ``sage-mail`` begins."""

from __future__ import annotations

import subprocess
import sys

_WITHOUT = """
import runpy, sys
sys.modules[{missing!r}] = None
sys.argv = ["sage-mail", "--help"]
runpy.run_module("sage_mail", run_name="__main__", alter_sys=True)
"""


def _begin(missing: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _WITHOUT.format(missing=missing)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help() -> None:
    """With all that it needs it is the command line."""
    ended = _begin("nothing")
    assert ended.returncode == 0
    assert "dead-letters" in ended.stdout


def test_the_library_alone_is_installed() -> None:
    """One sentence says what to install."""
    ended = _begin("typer")
    said = "sage-mail needs pip install 'sage-imap[mail]': typer is not installed\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", said)


def test_a_part_of_our_own_is_missing() -> None:
    """That is a bug, which keeps its traceback."""
    ended = _begin("sage_mail.errors")
    assert "Traceback" in ended.stderr
