from __future__ import annotations

import base64
import getpass
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sage_imap.testing.__main__ import main
from tests.support.script_server import ScriptServer

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
    assert (
        capsys.readouterr().out
        == "bad (whole): the completion is OK, expected NO\n1 passed, 1 failed\n"
    )


def test_no_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that holds no cases, or is not there, is misuse."""
    assert main(["replay", write(tmp_path / "c.json", {})]) == 2
    assert main(["replay", str(tmp_path / "missing.json")]) == 2
    assert "missing.json" in capsys.readouterr().err


SERVER = """
    >> * OK [CAPABILITY IMAP4rev1{offers}] Ann
    << A1 {sign_in}
    >> A1 OK [CAPABILITY IMAP4rev1] x
    << B1 CAPABILITY
    .. eof
"""


def record(port: int, output: Path, *more: str) -> list[str]:
    """The arguments that record the server at *port*."""
    return [
        *("record", "--host", "127.0.0.1", "--port", str(port), "--security", "plain"),
        *("--username", "ann", "--output", str(output), *more),
    ]


def test_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording is a new file of cases; what is in it, and what cut it short, is told."""
    output = tmp_path / "c.json"
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "secret")
    with ScriptServer(SERVER.format(offers="", sign_in='LOGIN "ann" "secret"')) as server:
        assert main(record(server.port, output)) == 0
    told = capsys.readouterr().out
    assert told.startswith(
        "The conversation broke off: CAPABILITY ended in ConnectionLost.\n"
        f"2 cases were written to {output}; strings masked in them: 1.\n"
    )
    assert [case["id"] for case in json.loads(output.read_text())] == [
        "recorded-greeting",
        "recorded-capability",
    ]
    assert main(["replay", str(output)]) == 0
    assert main(record(server.port, output)) == 2
    assert "is there already" in capsys.readouterr().err


def test_record_by_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With XOAUTH2 what stands in the variable is an access token."""
    token = base64.b64encode(b"user=ann\x01auth=Bearer tok\x01\x01").decode()
    script = SERVER.format(offers=" SASL-IR AUTH=XOAUTH2", sign_in=f"AUTHENTICATE XOAUTH2 {token}")
    monkeypatch.setenv("TOKEN", "tok")
    output = tmp_path / "c.json"
    with ScriptServer(script) as server:
        more = ("--auth", "xoauth2", "--password-env", "TOKEN")
        assert main(record(server.port, output, *more)) == 0
    assert "tok" not in output.read_text()


def test_nothing_to_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody answers, or the arguments make no sense, no file is written."""
    monkeypatch.setenv("SECRET", "x")
    output = tmp_path / "c.json"
    with ScriptServer("") as server:
        port = server.port
    assert main(record(port, output, "--password-env", "SECRET")) == 2
    assert main(record(port, output, "--messages", "0")) == 2
    ca_file = str(tmp_path / "none.pem")
    assert main(record(port, output, "--password-env", "SECRET", "--ca-file", ca_file)) == 2
    told = capsys.readouterr().err
    assert told.count("nothing was") == 3
    assert ca_file in told
    assert not output.exists()


def test_nowhere_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is not there is found before anybody signs in, and a full disk is told."""
    monkeypatch.setenv("SECRET", "secret")
    options = ("--password-env", "SECRET")
    with ScriptServer(SERVER.format(offers="", sign_in='LOGIN "ann" "secret"')) as server:
        assert main(record(server.port, tmp_path / "none" / "c.json", *options)) == 2
        assert not server.received
        assert str(tmp_path / "none") in capsys.readouterr().err

        def write_text(path: Path, *args: object, **kwargs: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_text", write_text)
        assert main(record(server.port, tmp_path / "c.json", *options)) == 2
    assert "No space left" in capsys.readouterr().err


def test_a_mailbox_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was recorded is kept, and words and status say what is lacking."""
    monkeypatch.setenv("SECRET", "secret")
    script = SERVER.replace(".. eof", "").format(offers="", sign_in='LOGIN "ann" "secret"')
    script += """
        >> * CAPABILITY IMAP4rev1\\r\\nB1 OK done
        << C1 LIST "" "*"
        >> C1 OK done
        << D1 STATUS "Nope" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)
        >> D1 NO no
        << E1 EXAMINE "Nope"
        >> E1 NO no
        << F1 LOGOUT
        >> * BYE bye\\r\\nF1 OK bye
    """
    output = tmp_path / "c.json"
    with ScriptServer(script) as server:
        options = ("--password-env", "SECRET", "--mailbox", "Nope")
        assert main(record(server.port, output, *options)) == 1
    told = capsys.readouterr()
    assert "the mailbox Nope could not be selected (the server answered NO)" in told.err
    assert "cases were written" in told.out
    assert output.exists()


def test_as_a_program(tmp_path: Path) -> None:
    """The module runs as a program, whose status is the result."""
    command = [sys.executable, "-m", "sage_imap.testing", "replay"]
    done = subprocess.run(
        [*command, write(tmp_path / "c.json", [BAD])], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 passed, 1 failed")
