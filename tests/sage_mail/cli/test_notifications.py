"""``sage-mail notifications``: what it shows, sends, and says when something is not there."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sage_mail.cli import app
from sage_mail.delivery.announce import announce
from sage_mail.errors import ConfigError
from sage_mail.records import AttemptRecord, DeliveryStatus
from sage_mail.settings import Settings, load_settings
from sage_mail.storage import Storage
from tests.sage_mail.delivery.samples import new_event
from tests.support.receiver import Answer, Receiver


@pytest.fixture
def config(tmp_path: Path, receiver: Receiver) -> Path:
    """A channel that works, and one whose address is nowhere to be had."""
    receiver.default = Answer(body=b"{}")
    path = tmp_path / "sage-mail.toml"
    path.write_text(
        f'data_dir = "{tmp_path / "data"}"\n'
        f'[[notifications]]\nname = "phone"\nchannel = "push"\n'
        f'url = "ntfy://127.0.0.1:{receiver.port}/t0pic"\nbody = "for {{{{ account }}}}"\n'
        f'[[notifications]]\nname = "gateway"\nchannel = "sms"\nurl_file = "nowhere"\n'
    )
    return path


def _run(*arguments: object) -> tuple[int, str]:
    texts = [str(argument) for argument in arguments]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, texts)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


async def _one_failure(settings: Settings) -> None:
    """Announce a message to the first channel and note that telling of it failed."""
    storage = await Storage.open(settings.database_url, blob_dir=settings.blob_dir)
    async with storage.unit_of_work() as uow:
        event = new_event(priority="high")
        record = await announce(uow, event, settings.notifications[:1])
        (delivery,) = await uow.outbox.for_event(record.seq)
        now = datetime.now(UTC)
        attempt = AttemptRecord(number=1, started_at=now, latency_ms=5, error="no answer")
        await uow.outbox.record_attempt(
            delivery.id, attempt, DeliveryStatus.PENDING, next_attempt_at=now
        )
        await uow.commit()
    await storage.close()


def test_list_and_attempts(config: Path) -> None:
    """Channels with their state and what was tried, and nothing of their addresses."""
    settings = load_settings(config)
    settings.data_dir.mkdir()
    asyncio.run(_one_failure(settings))
    code, output = _run("notifications", "list", "-c", config)
    assert code == 0
    lines = [line.split() for line in output.splitlines()]
    assert ["phone", "enabled", "push", "1", "0", "0"] in lines
    listed = _run("notifications", "list", "--json", "-c", config)[1].splitlines()
    assert json.loads(listed[0]) == {
        "name": "phone",
        "state": "enabled",
        "channel": "push",
        "pending": 1,
        "delivered": 0,
        "failed": 0,
    }
    tried = _run("notifications", "attempts", "phone", "--json", "-c", config)[1]
    assert json.loads(tried)["error"] == "no answer"
    assert _run("notifications", "attempts", "gateway", "--json", "-c", config) == (0, "")
    assert "t0pic" not in output
    assert "no answer" in _run("notifications", "attempts", "phone", "-c", config)[1]
    assert "no attempts" in _run("notifications", "attempts", "gateway", "-c", config)[1]


def test_enable_and_disable(config: Path) -> None:
    """A channel that was given up can be taken up again."""
    load_settings(config).data_dir.mkdir()
    for verb, said in (
        ("disable", "phone is disabled"),
        ("disable", "phone was disabled"),
        ("enable", "phone is enabled"),
        ("enable", "phone was enabled"),
    ):
        assert _run("notifications", verb, "phone", "-c", config) == (0, f"{said}\n")


def test_a_try(config: Path, receiver: Receiver) -> None:
    """A test is sent in the channel's words; what hinders it is told, with status 1."""
    assert _run("notifications", "test", "phone", "-c", config) == (0, "the service took it\n")
    said = json.loads(receiver.requests[0].body)
    assert (said["title"], said["message"]) == ("Sage: A test of phone", "for test")
    receiver.default = Answer(status=401)
    code, output = _run("notifications", "test", "phone", "-c", config)
    assert (code, output) == (1, "the service refused it with HTTP 401\n")
    code, output = _run("notifications", "test", "gateway", "-c", config)
    assert code == 1
    assert 'notification "gateway": url_file' in output


def test_a_try_of_a_template_that_fails(config: Path, receiver: Receiver) -> None:
    """It is told before the first mail comes, and nothing is sent."""
    config.write_text(config.read_text().replace("account }}", "1 // 0 }}"))
    code, output = _run("notifications", "test", "phone", "-c", config)
    assert (code, receiver.requests) == (1, [])
    assert output == "nothing was sent: the template failed with ZeroDivisionError\n"


def test_none(tmp_path: Path) -> None:
    """Without channels it says how to have one; a name that is not there is an error."""
    path = tmp_path / "sage-mail.toml"
    path.write_text(f'data_dir = "{tmp_path}"\n')
    assert "no channels; add" in _run("notifications", "list", "-c", path)[1]
    assert _run("notifications", "list", "--json", "-c", path) == (0, "")
    with pytest.raises(ConfigError, match="there is no channel 'phone'; see"):
        _run("notifications", "test", "phone", "-c", path)


def test_check_looks_at_them(config: Path, receiver: Receiver) -> None:
    """Each has a line with its service or what to do; nothing is sent."""
    lines = _run("check", "-c", config)[1].splitlines()
    assert (
        "ok   notification phone: by ntfy; to be sure: sage-mail notifications test phone" in lines
    )
    (failed,) = (line for line in lines if line.startswith("FAIL notification gateway"))
    assert failed.endswith("put the url there")
    assert receiver.requests == []
    config.write_text(config.read_text().replace("ntfy://", "nosuch://"))
    lines = _run("check", "-c", config)[1].splitlines()
    (failed,) = (line for line in lines if line.startswith("FAIL notification phone"))
    assert failed.endswith("correct the url")
    assert "t0pic" not in failed
