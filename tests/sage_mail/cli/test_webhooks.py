"""``sage-mail webhooks``: what it shows, changes, and says when something is not there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from standardwebhooks.webhooks import Webhook
from typer.testing import CliRunner

from sage_mail.cli import app
from sage_mail.cli.moments import moment
from sage_mail.delivery.announce import announce
from sage_mail.errors import ConfigError, SageMailError
from sage_mail.records import AttemptRecord, DeliveryStatus
from sage_mail.settings import Settings, load_settings
from sage_mail.storage import Storage, UnitOfWork
from tests.sage_mail.delivery.samples import new_event
from tests.support.receiver import Answer, Receiver

_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def config(tmp_path: Path, receiver: Receiver) -> Path:
    """Two endpoints, the first with its secret in a file."""
    secret = tmp_path / "secret"
    secret.write_text(f"{_SECRET}\n")
    secret.chmod(0o600)
    path = tmp_path / "sage-mail.toml"
    path.write_text(
        f'data_dir = "{tmp_path / "data"}"\n'
        f'[[webhooks]]\nname = "crm"\nurl = "{receiver.url}?key=t0ken"\nallow_private = true\n'
        f'secret_file = "secret"\nevents = ["message.*"]\nfilter = "size >= 0"\n'
        f'[[webhooks]]\nname = "ops"\nurl = "{receiver.url}"\nformat = "guide"\n'
    )
    return path


def _run(*arguments: object) -> tuple[int, str]:
    texts = [str(argument) for argument in arguments]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["webhooks", *texts])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def _store(settings: Settings, work: Callable[[UnitOfWork], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        storage = await Storage.open(settings.database_url, blob_dir=settings.blob_dir)
        try:
            async with storage.unit_of_work() as uow:
                result = await work(uow)
                await uow.commit()
            return result
        finally:
            await storage.close()

    settings.data_dir.mkdir(exist_ok=True)
    return asyncio.run(run())


async def _two_attempts(uow: UnitOfWork, settings: Settings) -> int:
    """Announce an event and note a failure and a success for the first endpoint."""
    record = await announce(uow, new_event(), settings.webhooks[:1])
    (delivery,) = await uow.outbox.for_event(record.seq)
    now = datetime.now(UTC)
    for number, status, error, response in ((1, 503, "HTTP 503", "busy"), (2, 200, None, "ok")):
        attempt = AttemptRecord(
            number=number,
            started_at=now + timedelta(seconds=number),
            latency_ms=5,
            status_code=status,
            error=error,
            response=response,
        )
        done = DeliveryStatus.DELIVERED if error is None else DeliveryStatus.PENDING
        await uow.outbox.record_attempt(delivery.id, attempt, done, next_attempt_at=now)
    return delivery.id


def test_list_and_show(config: Path) -> None:
    """Endpoints with their state; neither secrets nor what lies behind the host are shown."""
    settings = load_settings(config)
    _store(settings, lambda uow: _two_attempts(uow, settings))
    code, output = _run("list", "-c", config)
    assert code == 0
    assert "crm" in output
    assert "enabled" in output
    code, output = _run("show", "crm", "-c", config)
    assert code == 0
    for fact in ("filter            size >= 0", "signed            yes", "delivered         1"):
        assert fact in output
    assert "t0ken" not in output
    assert _SECRET not in output


def test_no_endpoints(tmp_path: Path) -> None:
    """Without an endpoint the list says how to get one."""
    path = tmp_path / "sage-mail.toml"
    path.write_text(f'data_dir = "{tmp_path}"\n')
    assert "add a [[webhooks]] table" in _run("list", "-c", path)[1]
    assert _run("list", "--json", "-c", path) == (0, "")


@pytest.mark.parametrize(
    "verb", ["show", "test", "enable", "disable", "attempts", "replay", "rotate"]
)
def test_an_unknown_endpoint(config: Path, verb: str) -> None:
    """Each verb names the endpoint that may have been meant."""
    with pytest.raises(ConfigError, match="there is no endpoint 'crn', did you mean 'crm'"):
        _run(verb, "crn", "-c", config)


def test_test_posts_a_signed_trial(config: Path, receiver: Receiver) -> None:
    """The endpoint gets an `endpoint.test` that verifies, and its answer is shown."""
    code, output = _run("test", "crm", "-c", config)
    assert code == 0
    assert output.startswith("HTTP 200 after")
    assert "thank you" in output
    (request,) = receiver.requests
    event = Webhook(_SECRET).verify(request.body, dict(request.headers))
    assert (event["type"], event["data"]) == ("endpoint.test", {"endpoint": "crm"})
    receiver.default = Answer(status=401, body=b"")
    code, output = _run("test", "crm", "-c", config)
    assert (code, output.count("401")) == (1, 1)


def test_test_of_a_private_address(config: Path, receiver: Receiver) -> None:
    """The second endpoint is not allowed to be on this machine, and the remedy is shown."""
    code, output = _run("test", "ops", "-c", config)
    assert code == 1
    assert "no answer" in output
    assert "allow_private = true" in output
    assert receiver.requests == []


def test_disable_and_enable(config: Path) -> None:
    """Each says whether it changed something, and the list shows the state."""
    assert "crm is disabled" in _run("disable", "crm", "-c", config)[1]
    assert "crm was disabled" in _run("disable", "crm", "-c", config)[1]
    assert "disabled (asked)" in _run("list", "-c", config)[1]
    assert "crm is enabled" in _run("enable", "crm", "-c", config)[1]
    assert "crm was enabled" in _run("enable", "crm", "-c", config)[1]


def test_attempts(config: Path) -> None:
    """What was tried, the failed ones alone, and one delivery with the answers."""
    settings = load_settings(config)
    assert "no attempts" in _run("attempts", "crm", "-c", config)[1]
    delivery = _store(settings, lambda uow: _two_attempts(uow, settings))
    output = _run("attempts", "crm", "-c", config)[1]
    assert "HTTP 503" in output
    assert "200" in output
    output = _run("attempts", "crm", "--failed", "-c", config)[1]
    assert "HTTP 503" in output
    assert " 200 " not in output
    output = _run("attempts", "crm", "--delivery", delivery, "-c", config)[1]
    assert "busy" in output
    assert "msg_" in output
    with pytest.raises(SageMailError, match="no delivery 99"):
        _run("attempts", "crm", "--delivery", 99, "-c", config)


def test_lists_for_programs(config: Path) -> None:
    """With --json there is an object a line, with the webhook-id and, of one delivery, answers."""
    settings = load_settings(config)
    delivery = _store(settings, lambda uow: _two_attempts(uow, settings))
    listed = [json.loads(line) for line in _run("list", "--json", "-c", config)[1].splitlines()]
    assert [(each["name"], each["format"]) for each in listed] == [
        ("crm", "sage"),
        ("ops", "guide"),
    ]
    assert (listed[0]["delivered"], listed[1]["delivered"]) == (1, 0)
    output = _run("attempts", "crm", "--json", "-c", config)[1]
    latest, first = [json.loads(line) for line in output.splitlines()]
    assert (latest["status"], latest["error"], first["status"]) == (200, None, 503)
    assert datetime.fromisoformat(latest["time"]) > datetime.fromisoformat(first["time"])
    assert latest["webhook_id"] == first["webhook_id"]
    assert latest["webhook_id"] in _run("attempts", "crm", "-c", config)[1]
    output = _run("attempts", "crm", "--delivery", delivery, "--json", "-c", config)[1]
    assert [json.loads(line)["response"] for line in output.splitlines()] == ["busy", "ok"]


def test_no_value_is_cut(config: Path) -> None:
    """A row is a line, and whole, however narrow the terminal is."""
    settings = load_settings(config)

    async def fail(uow: UnitOfWork) -> None:
        record = await announce(uow, new_event(), settings.webhooks[:1])
        (delivery,) = await uow.outbox.for_event(record.seq)
        await _attempt(uow, delivery.id, DeliveryStatus.FAILED, error="no answer " * 30 + "END")

    _store(settings, fail)
    result = CliRunner(env={"COLUMNS": "40"}).invoke(
        app, ["webhooks", "attempts", "crm", "-c", str(config)]
    )
    titles, row = result.output.splitlines()
    assert titles.split()[:3] == ["Time", "Delivery", "Event"]
    assert row.endswith("END")


async def _attempt(uow: UnitOfWork, delivery: int, status: DeliveryStatus, **facts: Any) -> None:
    now = datetime.now(UTC)
    attempt = AttemptRecord(number=1, started_at=now, latency_ms=5, **facts)
    pending = status is DeliveryStatus.PENDING
    await uow.outbox.record_attempt(
        delivery, attempt, status, next_attempt_at=now if pending else None
    )


def test_replay_to_a_disabled_endpoint(config: Path) -> None:
    """It says that they wait, and how they are let go."""
    settings = load_settings(config)
    _store(settings, lambda uow: _two_attempts(uow, settings))
    _run("disable", "crm", "-c", config)
    output = _run("replay", "crm", "--from", 1, "-c", config)[1]
    assert output == "1 wait: crm is disabled; sage-mail webhooks enable crm\n"


def test_enable_after_a_410(config: Path) -> None:
    """What was given up with it is named, with the way to have it sent, and nothing else is."""
    settings = load_settings(config)

    async def refuse(uow: UnitOfWork) -> list[int]:
        numbers = []
        for status in (410, 400):
            record = await announce(uow, new_event(), settings.webhooks[:1])
            (delivery,) = await uow.outbox.for_event(record.seq)
            await _attempt(
                uow, delivery.id, DeliveryStatus.FAILED, status_code=status, error="refused"
            )
            numbers.append(delivery.id)
        await uow.endpoints.disable("crm", reason="gone", at=datetime.now(UTC))
        return numbers

    gone, _ = _store(settings, refuse)
    assert _run("enable", "crm", "-c", config)[1].splitlines() == [
        "crm is enabled",
        f"1 given up: sage-mail webhooks replay crm --delivery {gone}",
    ]
    assert _run("enable", "crm", "-c", config)[1] == "crm was enabled\n"


def test_replay(config: Path) -> None:
    """One, a range, since a moment; and what is not understood."""
    settings = load_settings(config)
    delivery = _store(settings, lambda uow: _two_attempts(uow, settings))
    assert "1 will be delivered" in _run("replay", "crm", "--delivery", delivery, "-c", config)[1]
    assert "1 will be delivered" in _run("replay", "crm", "--from", 1, "--to", 5, "-c", config)[1]
    assert "1 will be delivered" in _run("replay", "crm", "--since", "2h", "-c", config)[1]
    assert "0 will be delivered" in _run("replay", "crm", "--since", "2100-01-01", "-c", config)[1]
    with pytest.raises(SageMailError, match="no delivery 99"):
        _run("replay", "crm", "--delivery", 99, "-c", config)
    for wrong in ([], ["--delivery", 1, "--from", 1]):
        with pytest.raises(SageMailError, match="say what"):
            _run("replay", "crm", *wrong, "-c", config)
    assert _run("replay", "crm", "--since", "yesterday", "-c", config)[0] == 2


def test_what_waits_for_an_endpoint_that_is_gone(config: Path) -> None:
    """It is listed with its number, failed by `check`, and dropped when that is confirmed."""
    settings = load_settings(config)
    old = settings.webhooks[0].model_copy(update={"name": "old"})
    for _ in range(3):
        _store(settings, lambda uow: announce(uow, new_event(), [old, settings.webhooks[0]]))
    output = _run("list", "-c", config)[1]
    assert "not configured" in output
    assert "old is not configured; 3 deliveries waiting for it" in output
    checked = CliRunner().invoke(app, ["check", "-c", str(config)]).output
    assert "FAIL endpoint old: it is not configured; 3 deliveries waiting for it" in checked
    assert _run("drop", "old", "-c", config)[0] == 1  # nobody has said yes
    assert "given up: 3 deliveries to old" in _run("drop", "old", "--yes", "-c", config)[1]
    assert "not configured" not in _run("list", "-c", config)[1]
    with pytest.raises(SageMailError, match="nothing waits for an endpoint 'old'"):
        _run("drop", "old", "--yes", "-c", config)
    with pytest.raises(SageMailError, match="crm is configured"):
        _run("drop", "crm", "--yes", "-c", config)
    counts = _store(settings, lambda uow: uow.outbox.counts())
    assert counts == {"old": {DeliveryStatus.FAILED: 3}, "crm": {DeliveryStatus.PENDING: 3}}


def test_a_range_that_is_none(config: Path) -> None:
    """A number that no event has, and an end before the beginning, are said and change nothing."""
    for option in ("--from", "--to", "--delivery"):
        for number in ("-5", "0", "99999999999999999999"):
            code, output = _run("replay", "crm", option, number, "-c", config)
            assert code == 2
            assert f"Invalid value for '{option}'" in output
    with pytest.raises(SageMailError, match="no event from 9 to 3; nothing was changed"):
        _run("replay", "crm", "--from", 9, "--to", 3, "-c", config)


def test_rotate(config: Path, tmp_path: Path) -> None:
    """The new secret is printed and stands first in the file, until the rotation is finished."""
    code, output = _run("rotate", "crm", "-c", config)
    new = output.splitlines()[0]
    assert code == 0
    assert new.startswith("whsec_")
    assert (tmp_path / "secret").read_text() == f"{new}\n{_SECRET}\n"
    assert "the newest secret alone" in _run("rotate", "crm", "--finish", "-c", config)[1]
    assert "one secret only" in _run("rotate", "crm", "--finish", "-c", config)[1]
    with pytest.raises(ConfigError, match="has no secret"):
        _run("rotate", "ops", "-c", config)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", datetime(2026, 1, 31, 7, 58, 30, tzinfo=UTC)),
        ("3d", datetime(2026, 1, 28, 8, tzinfo=UTC)),
        ("2026-01-31T08:00+02:00", datetime(2026, 1, 31, 6, tzinfo=UTC)),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    """Ages and dates with a zone."""
    assert moment(text, datetime(2026, 1, 31, 8, tzinfo=UTC)) == expected


@pytest.mark.parametrize("text", ["", "soon", "-2h", "2w", "999999d"])
def test_what_is_no_moment(text: str) -> None:
    """Anything else is refused with examples."""
    with pytest.raises(typer.BadParameter, match="such as 2h"):
        moment(text, datetime(2026, 1, 31, tzinfo=UTC))
