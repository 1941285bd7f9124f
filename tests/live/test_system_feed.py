"""The service's live feed: over kill -9, restart and stop nobody misses an event."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from sage_mail.client import AsyncFeedClient
from sage_mail.errors import ConfigError
from sage_mail.runtime import Runtime
from sage_mail.settings import FeedSettings, HttpSettings
from tests.live.process import Service, written
from tests.live.system import account, append, mail, running, settings_for
from tests.support.dovecot import Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot, pytest.mark.timeout(180)]

_TOKEN = "a-token-for-the-live-feed"
_BEARER = {"Authorization": f"Bearer {_TOKEN}"}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def _config(folder: Path, dovecot: Dovecot, user: str, port: int, **changes: Any) -> Path:
    return written(
        folder,
        {
            "data_dir": str(folder / "data"),
            "accounts": [account(dovecot, user, initial="all")],
            "http": {"port": port},
            "feed": {"token": _TOKEN, "heartbeat": 1},
            **changes,
        },
    )


class _Stream:
    """A client of Server-Sent Events that resumes, as a browser does."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.last = "0"
        self.found: list[dict[str, Any]] = []

    async def follow(self) -> None:
        async with httpx.AsyncClient(timeout=10) as web:
            while True:
                with suppress(httpx.HTTPError):
                    await self._read(web)
                await asyncio.sleep(0.1)

    async def _read(self, web: httpx.AsyncClient) -> None:
        headers = _BEARER | {"Last-Event-ID": self.last}
        async with web.stream("GET", f"{self._address}/feed/events", headers=headers) as answer:
            if answer.status_code != 200:
                return
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    self.last = line[4:]
                elif line.startswith("data: {"):
                    self.found.append(json.loads(line[6:]))


@asynccontextmanager
async def _followed(address: str) -> AsyncIterator[tuple[list[Any], list[dict[str, Any]]]]:
    """What a client of each kind gets, from the first event on."""
    stream = _Stream(address)
    events: list[Any] = []
    client = AsyncFeedClient(address, token=_TOKEN, since=0)

    tasks = [
        asyncio.create_task(_collect(client, events)),
        asyncio.create_task(stream.follow()),
    ]
    try:
        yield events, stream.found
    finally:
        await client.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _collect(client: AsyncFeedClient, into: list[Any]) -> None:
    async for event in client:
        into += [event]


async def _until(condition: Any, seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def _answers(address: str) -> None:
    """Wait until the service answers."""

    async def answered() -> bool:
        async with httpx.AsyncClient() as web:
            try:
                return (await web.get(f"{address}/feed/events")).status_code == 401
            except httpx.HTTPError:
                return False

    async with asyncio.timeout(20):
        while not await answered():
            await asyncio.sleep(0.05)


def _subjects(events: list[Any]) -> list[str]:
    return [event.data["subject"] for event in events if event.type == "message.new"]


async def test_followers_miss_nothing_over_kill_and_restart(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Clients of both kinds see each event once and in order, whatever becomes of the service."""
    port = _free_port()
    config = _config(tmp_path, dovecot, dovecot_user, port)
    async with _followed(f"http://127.0.0.1:{port}") as (events, streamed):
        for turn in range(3):
            async with Service(config).running() as service:
                messages = [mail(10 * turn + n) for n in range(10)]
                arriving = asyncio.create_task(append(dovecot, dovecot_user, *messages))
                if turn == 1:
                    # In the middle of it: what is committed and not told yet is told later.
                    await _until(lambda: len(_subjects(events)) > 12)
                    service.process.kill()
                else:
                    await _until(lambda enough=10 * turn + 10: len(_subjects(events)) == enough)
                await arriving
        await _until(lambda: len(streamed) == len(events))
        assert _subjects(events) == [f"Message {n}" for n in range(30)]
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert [(e["sequence"], e["type"]) for e in streamed] == [
            (event.sequence, event.type) for event in events
        ]


async def test_the_stop_does_not_wait_for_anybody(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """SIGTERM with clients connected, one of them deaf, and an endpoint that hangs: exit 0."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        hook = {"name": "hook", "url": f"http://127.0.0.1:{hangs.getsockname()[1]}/"}
        config = _config(tmp_path, dovecot, dovecot_user, port, webhooks=[hook])
        async with _followed(address) as (events, _), Service(config).running() as service:
            await _answers(address)
            with socket.create_connection(("127.0.0.1", port)) as deaf:
                request = f"GET /feed/events?since=0&token={_TOKEN} HTTP/1.1\r\nHost: x\r\n\r\n"
                deaf.sendall(request.encode())
                await append(dovecot, dovecot_user, mail(1))
                await _until(lambda: _subjects(events) == ["Message 1"])
                began = time.monotonic()
                assert await service.stop() == 0
                assert time.monotonic() - began < 10
    log = (tmp_path / "service.log").read_text()
    assert _TOKEN not in log
    assert "Traceback" not in log


async def test_a_thousand_followers_resume(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """A thousand clients see the same mail, and after kill -9 and restart what they missed."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    config = _config(tmp_path, dovecot, dovecot_user, port)
    clients = [AsyncFeedClient(address, token=_TOKEN, types=["message.new"]) for _ in range(1000)]
    found: list[list[Any]] = [[] for _ in clients]
    async with Service(config).running() as service:
        await _answers(address)
        before = _resident(service.process.pid)
        tasks = [asyncio.create_task(_collect(*pair)) for pair in zip(clients, found, strict=True)]
        await _until(lambda: all(client.position is not None for client in clients))
        grown = (_resident(service.process.pid) - before) / len(clients)
        await append(dovecot, dovecot_user, mail(1), mail(2))
        await _until(lambda: all(len(each) == 2 for each in found))
        service.process.kill()
        await service.ended()
    await append(dovecot, dovecot_user, *(mail(number) for number in range(3, 8)))
    async with Service(config).running() as service:
        await _until(lambda: all(len(each) == 7 for each in found), seconds=60)
        began = time.monotonic()
        assert await service.stop() == 0
        assert time.monotonic() - began < 10
    for client in clients:
        await client.close()
    await asyncio.gather(*tasks)
    assert "Traceback" not in (tmp_path / "service.log").read_text()
    assert len({tuple(event.sequence for event in each) for each in found}) == 1
    assert grown < 100, f"{grown:.0f} KiB of memory for each client"


def _resident(pid: int) -> int:
    """The resident memory of a process in KiB."""
    statm = Path(f"/proc/{pid}/statm").read_text().split()
    return int(statm[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


async def test_without_a_token_there_is_no_feed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The service says that the feed is off and how to switch it on, and has none."""
    caplog.set_level("INFO")
    port = _free_port()
    async with (
        running(settings_for(tmp_path, [], http=HttpSettings(port=port))),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as web,
    ):
        assert (await web.get("/healthz")).status_code == 200
        assert (await web.get("/feed/events")).status_code == 404
    off = settings_for(tmp_path, [], http=HttpSettings(port=port, enabled=False))
    async with running(off):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    said = [record.getMessage() for record in caplog.records]
    assert any("feed_off" in text and "token_env" in text for text in said)


async def test_what_keeps_the_feed_from_starting(tmp_path: Path) -> None:
    """A port that is taken and a token that is too short are told at the start."""
    feed = FeedSettings(token=SecretStr(_TOKEN))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = settings_for(tmp_path, [], feed=feed, http=HttpSettings(port=port))
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {port}"):
            async with Runtime(settings):
                pass
    short = FeedSettings(token=SecretStr("short"))
    with pytest.raises(ConfigError, match="shorter than 16 characters"):
        async with Runtime(settings_for(tmp_path, [], feed=short)):
            pass
    async with Runtime(settings_for(tmp_path, [], feed=feed, http=HttpSettings(port=port))):
        await _answers(f"http://127.0.0.1:{port}")
