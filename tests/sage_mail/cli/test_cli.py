"""The command line without a server: help, findings, listings, errors in one sentence."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sage_mail.cli import app, main
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.errors import SageMailError
from sage_mail.records import NewDeadLetter
from sage_mail.storage import Storage, UnitOfWork

_ACCOUNT = """
[[accounts]]
name = "work"
host = "127.0.0.1"
port = 1
username = "ann"
password = "secret"
timeout = 2
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose store is in a folder of the test."""
    path = tmp_path / "sage-mail.toml"
    path.write_text(f'data_dir = "{tmp_path / "data"}"\n{_ACCOUNT}')
    return path


def _run(*arguments: object) -> tuple[int, str]:
    texts = [str(argument) for argument in arguments]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, texts)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def _store(tmp_path: Path, work: Callable[[UnitOfWork], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        (tmp_path / "data").mkdir(exist_ok=True)
        url = f"sqlite:///{tmp_path / 'data' / 'sage.db'}"
        storage = await Storage.open(url, blob_dir=tmp_path / "data" / "blobs")
        try:
            async with storage.unit_of_work() as uow:
                result = await work(uow)
                await uow.commit()
            return result
        finally:
            await storage.close()

    return asyncio.run(run())


async def _dead_letter(uow: UnitOfWork) -> int:
    account = await uow.accounts.get_or_create("work")
    mailbox = await uow.mailboxes.get_or_create(account.id, "[/b] \x1b[2J")
    letter = await uow.dead_letters.add(
        NewDeadLetter(
            mailbox_id=mailbox.id,
            uidvalidity=1,
            uid=5,
            stage="parse",
            reason="it could not be read",
            created_at=datetime.now(UTC),
        )
    )
    return letter.id


def test_help_names_the_verbs() -> None:
    """Help lists every verb."""
    code, output = _run("--help")
    assert code == 0
    for verb in ("run", "check", "dead-letters", "events"):
        assert verb in output


_HELP = """
import json, runpy, sys
sys.argv = ["sage-mail", "--help"]
before = set(sys.modules)
try:
    runpy.run_module("sage_mail.cli", run_name="__main__")
except SystemExit as end:
    assert not end.code, end
print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


def test_help_loads_nothing_heavy() -> None:
    """Printing the help takes the command line, Typer with what it needs, and no more."""
    program = [sys.executable, "-c", _HELP]
    done = subprocess.run(program, capture_output=True, check=True, text=True)
    loaded = set(json.loads(done.stderr))
    outside = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names
    assert outside <= {"annotated_doc", "sage_mail", "shellingham", "typer"}
    ours = {name.split(".")[1] for name in loaded if name.startswith("sage_mail.")}
    assert ours == {"cli", "errors", "wording"}
    assert not loaded & {"asyncio", "decimal", "email", "http", "sqlite3", "ssl", "tomllib"}


def test_the_file_is_named_in_front_of_the_verb_or_behind_it(config: Path) -> None:
    """The one behind the verb counts, also where verbs are in groups."""
    for arguments in (("-c", config, "events"), ("--config", config, "dead-letters", "list")):
        assert _run(*arguments)[0] == 0
    code, output = _run("-c", "nowhere.toml", "check")
    assert code == 1
    assert "nowhere.toml does not exist" in output
    assert _run("-c", "nowhere.toml", "events", "-c", config)[0] == 0


def test_version() -> None:
    """It is that of the distribution."""
    assert _run("--version") == (0, f"sage-mail {version('sage-imap')}\n")


def test_warnings_are_sentences(config: Path) -> None:
    """A verb that configures no logs prints a line that can be read, with the path as it is."""
    secret = config.parent / "secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    (config.parent / "there").mkdir()
    text = config.read_text().replace('password = "secret"', 'password_file = "there/../secret"')
    config.write_text(text)
    program = [sys.executable, "-m", "sage_mail", "check", "-c", str(config)]
    done = subprocess.run(program, capture_output=True, check=False, text=True)
    assert done.stderr == (
        f"warning: secret file readable by others: path {secret}; chmod 600 it\n"
    )


def test_check_says_what_to_do(config: Path) -> None:
    """Each thing has a line; what fails has a remedy, and the exit code tells."""
    code, output = _run("check", "--config", config)
    lines = output.splitlines()
    assert code == 1
    assert lines[0] == f"ok   configuration: {config}: 1 account"
    assert "database" in lines[1]
    assert lines[1].startswith("ok")
    assert lines[2].startswith("FAIL account work")
    assert "check host and port" in lines[2]
    assert not (config.parent / "data").exists()


def test_check_reads_the_word_lists(config: Path) -> None:
    """A list of one's own that cannot be used is told before the service is started with it."""
    words = config.parent / "words.toml"
    config.write_text(config.read_text() + '\n[words]\nextra = ["words.toml"]\n')
    for text, line in (
        ('[extract.amounts]\ntotal = ["yhteensä"]\n', "ok   word lists: 1 read"),
        ("[extract.colours]\n", "FAIL word lists: words: "),
    ):
        words.write_text(text, "utf-8")
        assert line in _run("check", "--config", config)[1]


def test_check_of_a_bad_configuration(tmp_path: Path) -> None:
    """A configuration that cannot be used is told line by line."""
    path = tmp_path / "bad.toml"
    path.write_text("[[accounts]]\nname = 'a'\n")
    code, output = _run("check", "--config", path)
    assert code == 1
    assert "FAIL configuration" in output
    assert "host" in output


def test_check_without_an_account(tmp_path: Path) -> None:
    """There is nothing to run, which `run` would refuse."""
    path = tmp_path / "sage-mail.toml"
    path.write_text(f'data_dir = "{tmp_path / "data"}"\n')

    status, output = _run("check", "--config", path)

    assert status == 1
    assert "FAIL configuration" in output
    assert "[[accounts]]" in output


def test_dead_letters(config: Path, tmp_path: Path) -> None:
    """Dead letters are listed, shown and retried by their number."""
    assert "no dead letters" in _run("dead-letters", "list", "--config", config)[1]
    assert _run("dead-letters", "list", "--json", "--config", config) == (0, "")
    number = _store(tmp_path, _dead_letter)
    listed = _run("dead-letters", "list", "--config", config)[1]
    shown = _run("dead-letters", "show", number, "--config", config)[1]
    assert listed.splitlines()[1].endswith("it could not be read")
    (letter,) = _run("dead-letters", "list", "--json", "--config", config)[1].splitlines()
    assert {"id": number, "uid": 5, "stage": "parse"}.items() <= json.loads(letter).items()
    assert "[/b]" in listed
    assert "stage        parse" in shown
    assert "\x1b" not in listed + shown
    code, output = _run("dead-letters", "retry", number, "--config", config)
    assert code == 0
    assert "sage-mail run" in output
    assert _run("dead-letters", "retry", "--all", "--config", config)[0] == 0


def test_events(config: Path, tmp_path: Path) -> None:
    """Events come in their order, for people or as JSON, from a number on."""

    async def write(uow: UnitOfWork) -> None:
        for reason in ("one", "two\x1b[2J"):
            event = NewEvent(
                type=EventType.ACCOUNT_DISCONNECTED,
                account="work",
                occurred_at=datetime.now(UTC),
                data={"account": "work", "reason": reason},
            )
            await uow.events.append(event)

    _store(tmp_path, write)
    output = _run("events", "--config", config)[1]
    assert len(output.splitlines()) == 2
    assert "\x1b" not in output
    output = _run("events", "--config", config, "--json", "--since", 1)[1]
    assert [json.loads(line)["sequence"] for line in output.splitlines()] == [2]
    assert _run("events", "--config", config, "--since", 2) == (0, "")
    for arguments in ((), ("--follow",)):
        with pytest.raises(SageMailError, match=r"--since 3 lies in the future: .* is 2"):
            _run("events", "--config", config, "--since", 3, *arguments)


def test_error_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An expected error is a line on stderr and exit code 1."""
    missing = tmp_path / "missing.toml"
    monkeypatch.setattr(sys, "argv", ["sage-mail", "events", "--config", str(missing)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith(f"sage-mail: {missing} does not exist")
    assert len(error.splitlines()) == 1
