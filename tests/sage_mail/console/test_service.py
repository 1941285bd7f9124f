"""The service over real HTTP: health, readiness and metrics, with the feed and without."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from sage_mail.console.monitor import is_loopback
from sage_mail.console.service import HttpService
from sage_mail.monitoring import Monitor
from sage_mail.records import AccountState
from sage_mail.settings import FeedSettings, HttpSettings
from sage_mail.storage import Storage
from tests.sage_mail.console.feeding import BEARER, TOKEN
from tests.sage_mail.watching import Watched, monitor_of


@asynccontextmanager
async def _answering(
    storage: Storage, monitor: Monitor, *, token: str | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    feed = FeedSettings(token=None if token is None else SecretStr(token))
    service = await HttpService.open(storage, feed, HttpSettings(host=host, port=0), monitor)
    running = asyncio.create_task(service.run())
    address = service.address.replace("0.0.0.0", "127.0.0.1")
    try:
        async with httpx.AsyncClient(base_url=address, timeout=20) as web:
            yield web
    finally:
        running.cancel()
        await asyncio.wait({running})


async def test_a_service_without_a_feed(storage: Storage) -> None:
    """Health, readiness and metrics are there without a token; the feed is not."""
    monitor = monitor_of(storage, Watched("work"))
    async with _answering(storage, monitor) as web:
        alive, ready, metrics = [
            await web.get(path) for path in ("/healthz", "/readyz", "/metrics")
        ]
        assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
        assert metrics.headers["content-type"].startswith("text/plain; version=")
        names = {family.name for family in text_string_to_metric_families(metrics.text)}
        assert {"sage_mail_outbox_waiting", "process_resident_memory_bytes"} <= names
        assert (await web.get("/feed/events", headers=BEARER)).status_code == 404


async def test_what_is_where(storage: Storage) -> None:
    """The first page names the others, those alone that there are, and nothing else."""
    monitor = monitor_of(storage, Watched("work"))
    for token in (None, TOKEN):
        async with _answering(storage, monitor, token=token) as web:
            page = await web.get("/")
            assert page.status_code == 200
            assert page.headers["content-type"].startswith("text/plain")
            paths = re.findall(r"^/\S*", page.text, re.MULTILINE)
            statuses = [(await web.get(path)).status_code for path in paths]
        if token is None:
            assert paths == ["/healthz", "/readyz", "/metrics"]
            assert statuses == [200, 200, 200]
        else:
            assert paths[3:] == ["/feed", "/feed/events"]
            assert statuses[4] == 401
            assert TOKEN not in page.text


async def test_what_is_wrong_is_told(storage: Storage) -> None:
    """503 with the reasons where it is not ready, and where the loop was held up."""
    monitor = monitor_of(storage, Watched("work", AccountState.DISCONNECTED, "gone"))
    async with _answering(storage, monitor) as web:
        ready = await web.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["reasons"] == ["account work: disconnected (gone)"]
        monitor.pulse.lag = 9.0
        assert (await web.get("/healthz")).status_code == 503


async def test_a_folder_that_is_missing_is_told(storage: Storage) -> None:
    """It is ready all the same: no restart would help."""
    monitor = monitor_of(storage, Watched("work", absent={"Old": "it does not exist"}))
    async with _answering(storage, monitor) as web:
        ready = await web.get("/readyz")
    told = {"status": "ready", "warnings": ["account work, folder Old: it does not exist"]}
    assert (ready.status_code, ready.json()) == (200, told)


async def test_beside_the_feed(storage: Storage) -> None:
    """One port has both; who follows is counted, and needs the token."""
    monitor = monitor_of(storage)
    async with _answering(storage, monitor, token=TOKEN) as web:
        assert (await web.get("/feed/events")).status_code == 401
        async with web.stream("GET", "/feed/events", headers=BEARER) as stream:
            assert stream.status_code == 200
            assert "sage_mail_feed_followers 1.0" in (await web.get("/metrics")).text


async def test_a_foreign_name_for_loopback(storage: Storage) -> None:
    """A page whose own name was pointed at this machine reads nothing, unless we listen to all."""
    foreign = {"Host": "evil.example:8766"}
    async with _answering(storage, monitor_of(storage)) as web:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await web.get(path, headers=foreign)).status_code == 403
    async with _answering(storage, monitor_of(storage), host="0.0.0.0") as web:
        assert (await web.get("/metrics", headers=foreign)).status_code == 200


def test_loopback() -> None:
    """Only names that no DNS can turn elsewhere count."""
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.1.2.3", "::1")))
    assert not any(map(is_loopback, ("", "example.org", "10.0.0.1", "127.0.0.1.example.org")))
