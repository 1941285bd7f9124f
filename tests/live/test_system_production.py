"""The service as it runs in production: what it says of itself, and how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.live.process import Service, written
from tests.live.system import account, append, mail
from tests.support.dovecot import Dovecot, needs_dovecot
from tests.support.receiver import Answer, Receiver

pytestmark = [pytest.mark.live, needs_dovecot, pytest.mark.timeout(120)]

_TOKEN = "a-token-for-the-live-feed"
_MAILS = 5


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


async def _answered(web: httpx.AsyncClient, path: str, status: int = 200) -> httpx.Response:
    """The answer, once it has this status."""
    answer = None
    async with asyncio.timeout(20):
        while answer is None or answer.status_code != status:
            with suppress(httpx.TransportError):
                answer = await web.get(path)
            await asyncio.sleep(0.05)
    return answer


async def _metrics(web: httpx.AsyncClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = (await _answered(web, "/metrics")).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"sage_mail_{name}", frozenset(labels.items())


def _settings(folder: Path, port: int, watched: list[Any], **changes: Any) -> dict[str, Any]:
    return {
        "data_dir": str(folder / "data"),
        "http": {"port": port},
        "accounts": watched,
        "report": {"folder": str(folder / "reports")},
        **changes,
    }


async def test_a_day_in_small(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ready, measured, ended in time with endpoint and followers hanging, and told in the end."""
    port = _free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        async with (
            Receiver() as healthy,
            Receiver(default=Answer(hang=True)) as hanging,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as web,
        ):
            config = written(
                tmp_path,
                _settings(
                    tmp_path,
                    port,
                    [account(dovecot, dovecot_user)],
                    feed={"token": _TOKEN},
                    log={"file": str(tmp_path / "sage.log")},
                    webhooks=[
                        {"name": "well", "url": healthy.url, "allow_private": True},
                        {"name": "hangs", "url": hanging.url, "allow_private": True},
                    ],
                ),
            )
            async with Service(config).running() as service:
                assert await asyncio.to_thread(manager.recv, 100) == b"READY=1"
                await _answered(web, "/readyz")
                assert (await web.get("/healthz")).json() == {"status": "alive"}
                await append(dovecot, dovecot_user, *(mail(n) for n in range(_MAILS)))
                await healthy.received(_MAILS + 1)
                await hanging.received(1)
                found = await _settled(web)
                _check_metrics(found, dovecot_user)
                headers = {"Authorization": f"Bearer {_TOKEN}"}
                async with web.stream("GET", "/feed/events", headers=headers) as stream:
                    assert stream.status_code == 200
                    began = time.monotonic()
                    assert await service.stop() == 0
                    assert time.monotonic() - began < 10
            assert manager.recv(100) == b"STOPPING=1"
    _check_the_end(tmp_path)


async def _settled(web: httpx.AsyncClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The metrics, once all that was delivered is recorded."""
    async with asyncio.timeout(20):
        while True:
            found = await _metrics(web)
            delivered = found[_key("webhook_attempts_total", endpoint="well", result="delivered")]
            waiting = found.get(_key("outbox_waiting", endpoint="well"))
            # What is read from the store is kept for a moment.
            told = found.get(_key("events_total", type="message.new"))
            if (delivered, waiting, told) == (_MAILS + 1, 0, _MAILS):
                return found
            await asyncio.sleep(0.1)


def _check_metrics(found: dict[tuple[str, frozenset[tuple[str, str]]], float], user: str) -> None:
    assert found[_key("account_state", account=user, state="connected")] == 1
    assert found[_key("connections", account=user, state="open")] == 1
    assert found[_key("detect_to_commit_seconds_count", account=user)] == _MAILS
    assert found[_key("detect_to_webhook_seconds_count", endpoint="well")] == _MAILS
    assert found[_key("detect_to_webhook_seconds_bucket", endpoint="well", le="5.0")] == _MAILS
    assert found[_key("messages_total", account=user, category="general")] == _MAILS
    assert found[_key("events_total", type="message.new")] == _MAILS
    assert found[_key("outbox_waiting", endpoint="hangs")] == _MAILS + 1
    assert found[_key("folder_uids_behind", account=user, folder="INBOX")] == 0
    assert 0 <= found[_key("folder_lag_seconds", account=user, folder="INBOX")] < 60
    assert found[_key("dead_letters")] == 0
    assert found[_key("store_up")] == 1


def _check_the_end(folder: Path) -> None:
    """The last report, and logs in which there is no token and no address."""
    (path,) = (folder / "reports").iterdir()
    report = json.loads(path.read_text())
    assert report["final"]
    assert report["messages"]["by_category"] == {"general": _MAILS}
    well, hangs = report["webhooks"]["well"], report["webhooks"]["hangs"]
    assert (well["delivered"], well["waiting"]) == (_MAILS + 1, 0)
    assert (hangs["delivered"], hangs["waiting"]) == (0, _MAILS + 1)
    assert well["detect_to_webhook"]["count"] == _MAILS
    lines = (folder / "sage.log").read_text()
    said = [json.loads(line)["action"] for line in lines.splitlines()]
    assert said[-3:] == ["stopping", "report", "stopped"]
    for text in (lines, (folder / "service.log").read_text()):
        assert _TOKEN not in text
        assert "example.org" not in text
        assert "Traceback" not in text


async def test_not_ready_for_a_known_reason(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """A server that cannot be reached is told with its reason; the other account works on."""
    port, nobody = _free_port(), _free_port()
    away = {**account(dovecot, "away@example.org"), "port": nobody}
    config = written(tmp_path, _settings(tmp_path, port, [account(dovecot, dovecot_user), away]))
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as web,
        Service(config).running() as service,
    ):
        async with asyncio.timeout(20):
            while True:
                answer = await _answered(web, "/readyz", 503)
                reasons = answer.json()["reasons"]
                if len(reasons) == 1 and "(" in reasons[0]:
                    break
                await asyncio.sleep(0.1)
        assert reasons[0].startswith("account account #1: ")
        assert "(ConnectionLost: " in reasons[0]
        assert "@" not in reasons[0]
        found = await _metrics(web)
        assert found[_key("connections", account="account #1", state="open")] == 0
        assert (await web.get("/healthz")).status_code == 200
        assert await service.stop(signal.SIGINT) == 0
