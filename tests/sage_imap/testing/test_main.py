from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sage_imap.testing.__main__ import main

GOOD = {
    "id": "good",
    "state": "selected",
    "command": "NOOP",
    "server_bytes": "A1 OK done\r\n",
    "expect": {"completion": "OK", "desync": False},
}
BAD = GOOD | {"id": "bad", "expect": {"completion": "NO"}}


def write(path: Path, cases: object) -> str:
    path.write_text(json.dumps(cases))
    return str(path)


def test_all_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where all is well there is one line, and the status is 0."""
    assert main(["replay", write(tmp_path / "c.json", [GOOD, GOOD])]) == 0
    assert capsys.readouterr().out == "2 passed, 0 failed\n"


def test_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failure is a line, and the status is 1."""
    assert main(["replay", write(tmp_path / "c.json", [BAD, GOOD])]) == 1
    assert capsys.readouterr().out == "bad (whole): the completion is OK\n1 passed, 1 failed\n"


def test_no_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that holds no cases, or is not there, is misuse."""
    assert main(["replay", write(tmp_path / "c.json", {})]) == 2
    assert main(["replay", str(tmp_path / "missing.json")]) == 2
    assert "missing.json" in capsys.readouterr().err


def test_as_a_program(tmp_path: Path) -> None:
    """The module runs as a program, whose status is the result."""
    command = [sys.executable, "-m", "sage_imap.testing", "replay"]
    done = subprocess.run(
        [*command, write(tmp_path / "c.json", [BAD])], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 passed, 1 failed")
