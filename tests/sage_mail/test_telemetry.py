"""The logs: an action in every line, nothing private in any."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from sage_mail import telemetry
from sage_mail.errors import culprit
from sage_mail.telemetry import configure, get_logger


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream that logs can be sent to; what was configured before is back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("sage_mail", "sage_imap")}
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    telemetry._Strictness.on = False
    structlog.reset_defaults()


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_an_action_with_facts(stream: io.StringIO) -> None:
    """A line is one JSON object: when, how grave, what happened, where, and the facts."""
    configure(stream=stream)
    get_logger("sage_mail.test").info("message_stored", account="work", uid=17, event="e", ok=True)
    (line,) = _lines(stream)
    assert list(line)[:4] == ["timestamp", "level", "action", "logger"]
    assert (line["level"], line["action"], line["logger"]) == (
        "info",
        "message_stored",
        "sage_mail.test",
    )
    assert (line["account"], line["uid"], line["event"], line["ok"]) == ("work", 17, "e", True)


def test_private_facts_are_replaced(stream: io.StringIO) -> None:
    """Facts named as secrets or mail are replaced at any depth, and only those."""
    configure(stream=stream)
    get_logger("sage_mail.test").warning(
        "tried",
        password="hunter2",
        access_token="hunter2",
        Authorization="hunter2",
        subject="hunter2",
        from_address="hunter2",
        to=["hunter2"],
        nested={"body": "hunter2", "uid": 1},
        secret=None,
        from_mailbox="INBOX",
        raw=b"hunter2",
        path=Path("/var/lib"),
        folders=("A", "ada@example.org"),
    )
    assert "hunter2" not in stream.getvalue()
    (line,) = _lines(stream)
    assert line["nested"] == {"body": "[redacted]", "uid": 1}
    assert line["secret"] is None
    assert line["from_mailbox"] == "INBOX"
    assert line["raw"] == "<7 bytes>"
    assert line["path"] == "/var/lib"
    assert line["folders"] == ["A", "[address]"]


def test_addresses_and_urls_inside_text_are_masked(stream: io.StringIO) -> None:
    """An address or the path of a URL does not get through inside an error's text either."""
    configure(stream=stream)
    get_logger("sage_mail.test").error(
        "failed",
        error='no such user <ada@example.org> at https://u:p@host.example:8443/t0ken?k=1 "',
    )
    (line,) = _lines(stream)
    assert line["error"] == 'no such user <[address]> at https://host.example:8443/... "'


def test_tracebacks_are_masked_too(stream: io.StringIO) -> None:
    """A traceback is a fact like any other: its text is there, addresses in it are not."""
    configure(stream=stream)
    try:
        raise RuntimeError("bob@example.org")
    except RuntimeError:
        get_logger("sage_mail.test").error("failed", exc_info=True)
    (line,) = _lines(stream)
    assert "RuntimeError: [address]" in line["exception"]


def test_lines_of_libraries_have_an_action(stream: io.StringIO) -> None:
    """What other libraries warn of comes the same way; their chatter does not."""
    configure("DEBUG", stream=stream)
    logging.getLogger("httpx").info("POST https://host/t0ken")
    logging.getLogger("somewhere").warning("odd: %s", "ada@example.org")
    (line,) = _lines(stream)
    assert (line["action"], line["message"]) == ("library_log", "odd: [address]")


def test_levels(stream: io.StringIO) -> None:
    """Below the level nothing is written; configuring again replaces, and does not double."""
    configure("DEBUG", stream=io.StringIO())
    configure("WARNING", stream=stream)
    log = get_logger("sage_mail.test")
    log.debug("quiet")
    log.info("quiet")
    log.warning("loud")
    assert [line["action"] for line in _lines(stream)] == ["loud"]


@pytest.mark.parametrize("action", ["", "Message stored", "9lives", "a-b"])
def test_a_bad_action_raises_where_it_is_strict(stream: io.StringIO, action: str) -> None:
    """Strict, a line without a proper action is its caller's error; else it is `unnamed`."""
    log = get_logger("sage_mail.test")
    configure(stream=stream, strict=True)
    with pytest.raises(ValueError, match="needs an action"):
        log.info(action)
    configure(stream=stream)
    log.info(action, uid=1)
    (line,) = _lines(stream)
    assert (line["action"], line["uid"]) == ("unnamed", 1)


def test_structlog_itself_is_held_to_the_rule(stream: io.StringIO) -> None:
    """A line made with structlog directly needs an action as well."""
    configure(stream=stream, strict=True)
    with pytest.raises(ValueError, match="needs an action"):
        structlog.get_logger("sage_mail.test").info("hello")
    structlog.get_logger("sage_mail.test").info("hello", action="greeted")
    assert _lines(stream)[0]["action"] == "greeted"


def test_the_console_shape(stream: io.StringIO) -> None:
    """For people a line begins with the action and shows the facts, masked in the same way."""
    configure(format="console", stream=stream)
    get_logger("sage_mail.test").info("message_stored", uid=17, event="e", password="hunter2")
    text = stream.getvalue()
    assert "message_stored" in text
    assert "uid=17" in text
    assert "event=e" in text
    assert "hunter2" not in text


def test_without_configuration_it_goes_to_logging(caplog: pytest.LogCaptureFixture) -> None:
    """Used as a library, nothing is printed: lines are ordinary records of logging."""
    get_logger("sage_mail.test").warning("noticed", uid=3)
    (record,) = caplog.records
    assert record.name == "sage_mail.test"
    assert "noticed" in record.getMessage()


def test_records_print_themselves(caplog: pytest.LogCaptureFixture) -> None:
    """In the handlers of another program a line is a sentence, and nothing private is in it."""
    log = get_logger("sage_mail.test")
    log.warning(
        "monitor_lost", error="no ada@example.org", token="hunter2", retry_in=0.7, hint=None
    )
    log.warning("secret_file_open", path="/pw", remedy="chmod 600 it")
    log.warning("full")
    try:
        raise RuntimeError("bob@example.org")
    except RuntimeError:
        log.error("failed", exc_info=True)
    *lines, failed = [record.getMessage() for record in caplog.records]
    assert lines == [
        "monitor_lost: error no [address], token [redacted], retry in 0.7",
        "secret_file_open: path /pw; chmod 600 it",
        "full",
    ]
    assert failed.startswith("failed\nTraceback")
    assert failed.endswith("RuntimeError: [address]")


def test_a_file_beside_the_stream(stream: io.StringIO, tmp_path: Path) -> None:
    """Both get each line; whoever moves the file away finds the next line in a new one."""
    path = tmp_path / "logs" / "sage.log"
    configure(stream=stream, file=path)
    log = get_logger("sage_mail.test")
    log.info("first", note="to ada@example.org", password="hunter2")
    path.rename(path.with_suffix(".1"))
    log.info("second")
    assert path.with_suffix(".1").read_text() + path.read_text() == stream.getvalue()
    assert [line["action"] for line in _lines(stream)] == ["first", "second"]
    assert "ada@" not in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
    configure(stream=stream)
    log.info("third")
    assert "third" not in path.read_text()


def test_a_line_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], stream: io.StringIO
) -> None:
    """It is said that a line was lost, and not what stood in it; the program goes on."""
    broken = (tmp_path / "log").open("w")
    configure(stream=broken)
    broken.close()
    get_logger("sage_mail.test").info("tried", password="hunter2")
    said = capsys.readouterr().err
    assert said == "sage-mail: a line of the log was lost: ValueError\n"


def test_who_may_read_the_file(stream: io.StringIO, tmp_path: Path) -> None:
    """A new file is its owner's alone; whoever was let read one may read its successor, too."""
    path = tmp_path / "sage.log"
    log = get_logger("sage_mail.test")
    for mode in (0o600, 0o644):
        configure(stream=stream, file=path)
        log.info("first")
        assert path.stat().st_mode & 0o777 == mode
        path.rename(path.with_suffix(".1"))
        log.info("second")
        assert path.stat().st_mode & 0o777 == mode
        path.chmod(0o644)
    configure(stream=stream)


def test_a_file_that_cannot_be_opened(tmp_path: Path, stream: io.StringIO) -> None:
    """The caller hears of it, and what was configured before stays."""
    configure(stream=stream)
    with pytest.raises(OSError, match="Is a directory"):
        configure(stream=io.StringIO(), file=tmp_path)
    get_logger("sage_mail.test").info("still_here")
    assert _lines(stream)[0]["action"] == "still_here"


def test_the_culprit_without_its_text() -> None:
    """An error is told by kind and place; what it quotes is not."""
    try:
        int("ada's subject")
    except ValueError as error:
        told = culprit(error)
    assert told.startswith("ValueError in test_the_culprit_without_its_text, line ")
    assert "ada" not in told
