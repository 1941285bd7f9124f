"""One service at a time on a database, on whichever host: refused, taken over, lost, regained."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from sage_mail.cli import app
from sage_mail.locking import AlreadyRunning
from sage_mail.records import ActionKind, ActionStatus
from sage_mail.runtime import Runtime
from sage_mail.storage import Storage, sole_service
from tests.live.process import Service, written
from tests.live.relay import Relay
from tests.live.system import SUPPORT, System, account, append, mail, running, settings_for
from tests.support.dovecot import Dovecot, needs_dovecot
from tests.support.postgres import fresh_database
from tests.support.tenure import Wavering, end_lock, locks

pytestmark = [pytest.mark.live, needs_dovecot]

_HOST = socket.gethostname()


@pytest.fixture
def url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database on PostgreSQL."""
    with fresh_database(postgres_server) as fresh:
        yield fresh


def _config(folder: Path, url: str, dovecot: Dovecot, user: str) -> Path:
    """The configuration of a host of its own."""
    folder.mkdir()
    table = {
        "data_dir": str(folder / "data"),
        "database": {"url": url},
        "accounts": [account(dovecot, user)],
    }
    return written(folder, table)


@asynccontextmanager
async def _looked_into(folder: Path, url: str) -> AsyncIterator[System]:
    storage = await Storage.open(url, blob_dir=folder / "blobs")
    try:
        yield System(storage)
    finally:
        await storage.close()


async def test_the_second_host_is_turned_away(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, url: str
) -> None:
    """It is told who runs and where, and starts nothing; the first is not disturbed."""
    watched = [account(dovecot, dovecot_user)]
    here = settings_for(tmp_path / "here", watched, database={"url": url})
    there = settings_for(tmp_path / "there", watched, database={"url": url})
    async with running(here) as system:
        said = rf"another sage-mail \(process {os.getpid()} on {_HOST}\) runs on the database at "
        with pytest.raises(AlreadyRunning, match=said):
            async with Runtime(there):
                raise AssertionError
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, mail(1))
        await system.until_count("message.new", 1)


async def test_two_data_dirs_on_one_file(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """A file of SQLite that two services name is served by one of them."""
    shared = {"url": f"sqlite:///{tmp_path / 'sage.db'}"}
    watched = [account(dovecot, dovecot_user)]
    here = settings_for(tmp_path / "here", watched, database=shared)
    there = settings_for(tmp_path / "there", watched, database=shared)
    async with running(here) as system:
        with pytest.raises(AlreadyRunning, match=r"set another database\.url"):
            async with Runtime(there):
                raise AssertionError
        await system.until_seen("INBOX")


async def test_taken_over_after_a_kill(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, url: str
) -> None:
    """While a service runs the second ends with status 1; once it was killed, another runs.

    The other verbs work beside it, and `check` tells of it.
    """
    here = _config(tmp_path / "here", url, dovecot, dovecot_user)
    there = _config(tmp_path / "there", url, dovecot, dovecot_user)
    async with _looked_into(tmp_path, url) as system, Service(here).running() as first:
        await system.until_seen("INBOX")
        async with Service(there).running() as second:
            assert await second.ended() == 1
        who = f"process {first.process.pid} on {_HOST}"
        said = there.with_name("service.log").read_text()
        assert f"sage-mail: another sage-mail ({who}) runs on the database at" in said
        assert "nothing was started; stop it first, or set another database.url" in said
        for verb, told in (("check", f"ok   service: runs on the database now ({who})"), *_OTHERS):
            result = await asyncio.to_thread(
                CliRunner().invoke, app, [*verb.split(), "--config", str(there)]
            )
            assert told in result.output, verb
            assert result.exit_code == 0, verb
        first.process.kill()
        await first.ended()
        async with Service(there).running() as second:
            await append(dovecot, dovecot_user, mail(1))
            await system.until_count("message.new", 1)
            assert await second.stop() == 0


_OTHERS = (
    ("events", "account.connected"),
    ("dead-letters list", "no dead letters"),
    ("dead-letters retry --all", "0 will be tried by the running service"),
    ("webhooks list", ""),
)


async def test_a_lost_connection_is_replaced(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, url: str
) -> None:
    """The service goes on after its session was ended, holds the lock, and leaves nothing."""
    settings = settings_for(tmp_path, [account(dovecot, dovecot_user)], database={"url": url})
    async with running(settings) as system:
        await system.until_seen("INBOX")
        end_lock(url)
        async with asyncio.timeout(30):
            while system.storage.tenure.number == 0:
                await asyncio.sleep(0.01)
            assert await system.storage.tenure.begun() == 1
        await append(dovecot, dovecot_user, mail(1))
        await system.until_count("message.new", 1)
        assert locks(url) == 1
    assert locks(url) == 0


async def test_a_lost_place_that_another_has_taken(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, url: str
) -> None:
    """The service stops, says why, and ends with status 1, so that it is started and refused."""
    config = _config(tmp_path / "here", url, dovecot, dovecot_user)
    async with _looked_into(tmp_path, url) as system, Service(config).running() as service:
        await system.until_seen("INBOX")
        # Held still, lest it take the lock again before the other does.
        service.process.send_signal(signal.SIGSTOP)
        try:
            end_lock(url)
            async with sole_service(url):
                service.process.send_signal(signal.SIGCONT)
                assert await service.ended() == 1
        finally:
            if service.process.returncode is None:
                service.process.send_signal(signal.SIGCONT)
    said = config.with_name("service.log").read_text()
    assert f"another sage-mail (process {os.getpid()} on {_HOST}) runs on it now" in said
    assert '"action": "stopped"' in said
    assert "Traceback" not in said


async def test_a_network_that_goes_silent(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that nothing comes from is given up, ended and replaced: it was never another's."""
    monkeypatch.setattr("sage_mail.storage.tenure._PATIENCE_SECONDS", 1.0)
    port = psycopg.conninfo.conninfo_to_dict(url)["port"]
    async with Relay(int(port or 0)).open() as relay:
        through = url.replace(f":{port}/", f":{relay.port}/")
        async with sole_service(through) as place:
            keeping = asyncio.create_task(place.run())
            await place.begun()
            relay.deafen()
            async with asyncio.timeout(60):
                while place.number == 0:
                    await asyncio.sleep(0.01)
                assert await place.begun() == 1
            assert not keeping.done()
            keeping.cancel()
            await asyncio.wait({keeping})


async def test_nothing_is_moved_while_another_may_run(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """A plan waits until it is certain again, and is looked at anew after a loss: moved once."""
    settings = settings_for(
        tmp_path,
        [account(dovecot, dovecot_user)],
        routing={"enabled": True, "mark_seen": True},
    )
    async with running(settings) as system:
        await system.until_seen("INBOX")
        system.storage.tenure = tenure = Wavering(slips=True)
        tenure.lose()
        await append(dovecot, dovecot_user, mail(1, subject="Error 1: help", body=SUPPORT))
        await system.until_count("message.new", 1)
        await tenure.asked.wait()
        async with system.storage.read() as uow:
            counts = await uow.actions.counts()
        assert counts[ActionKind.MOVE, ActionStatus.PLANNED] == 1
        tenure.regain()
        await system.until_count("message.moved", 1)
        assert tenure.refused.is_set()
        assert (await system.counts())["message.new"] == 1
