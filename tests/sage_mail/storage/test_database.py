"""Which URLs are taken, and that each database keeps the laws."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from sage_mail.errors import ConfigError, StorageError, StorageUnavailable
from sage_mail.storage import Storage
from sage_mail.storage.database import Database, open_database
from tests.sage_mail.storage.samples import NOW, message, place
from tests.support.postgres import fresh_database


async def _answer(database: Database, question: str) -> object:
    async with database.write() as connection:
        return (await connection.fetch(text(question), None))[0][0]


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:", ""]
)
def test_urls_that_cannot_be_used(url: str) -> None:
    """The error names the setting and what to write instead."""
    with pytest.raises(ConfigError, match=r"database\.url.*(sqlite|postgresql)"):
        open_database(url)


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"])
async def test_sqlite_keeps_what_is_committed(tmp_path: Path, scheme: str) -> None:
    """WAL, full synchronisation and foreign keys are on, in a folder that is made if need be."""
    database = open_database(f"{scheme}:///{tmp_path / 'deep' / 'sage.db'}")
    try:
        assert await _answer(database, "PRAGMA journal_mode") == "wal"
        assert await _answer(database, "PRAGMA synchronous") == 2
        assert await _answer(database, "PRAGMA foreign_keys") == 1
    finally:
        await database.close()


@pytest.mark.live
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
async def test_postgresql_speaks_utc(postgres_server: str, scheme: str) -> None:
    """The session's time zone is UTC, whatever the server's is."""
    database = open_database(postgres_server.replace("postgresql", scheme, 1))
    try:
        assert await _answer(database, "SHOW timezone") == "UTC"
        assert await _answer(database, "SHOW synchronous_commit") == "on"
    finally:
        await database.close()


async def test_a_server_that_cannot_be_reached_is_unavailable(tmp_path: Path) -> None:
    """A refused connection is an error of ours that says that a retry may help."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"postgresql://sage:hidden@127.0.0.1:{port}/sage"
    with pytest.raises(StorageUnavailable) as refused:
        await Storage.open(url, blob_dir=tmp_path)
    assert str(refused.value).startswith(
        f"the database at 127.0.0.1:{port} cannot be used now: OperationalError"
    )
    assert str(refused.value).endswith("the connection is refused; see that it runs there")
    for private in ("hidden", "sage:"):
        assert private not in str(refused.value)


@pytest.mark.live
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (("/postgres?", "/nobodys?"), "no database of that name"),
        (("//postgres@", "//nobodys@"), "it refuses the log-in"),
    ],
)
async def test_a_server_that_lets_nobody_in(
    postgres_server: str, tmp_path: Path, changed: tuple[str, str], reason: str
) -> None:
    """What is wrong with the URL is told, without what stands in it."""
    part, wrong = changed
    url = f"{postgres_server}?".replace(part, wrong, 1)
    with pytest.raises(StorageUnavailable, match=reason) as refused:
        await Storage.open(url, blob_dir=tmp_path)
    assert "nobodys" not in str(refused.value)


async def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """The path and the reason are told."""
    path = tmp_path / "sage.db"
    path.mkdir()
    with pytest.raises(StorageUnavailable, match="it cannot be opened; see who") as refused:
        await Storage.open(f"sqlite:///{path}", blob_dir=tmp_path)
    assert str(path) in str(refused.value)


async def test_a_file_that_cannot_be_made(tmp_path: Path) -> None:
    """A folder that is none is told in a sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made: Not a directory; set another data_dir"):
        await Storage.open(f"sqlite:///{tmp_path / 'file' / 'sage.db'}", blob_dir=tmp_path)


async def test_nobody_else_reads_the_file(tmp_path: Path) -> None:
    """What is made for the texts of mail is its owner's alone; what was there stays as it is."""
    new = tmp_path / "data" / "sage.db"
    old = tmp_path / "old.db"
    old.touch(0o644)
    old.chmod(0o644)
    for path in (new, old):
        storage = await Storage.open(f"sqlite:///{path}", blob_dir=tmp_path)
        async with storage.read() as uow:
            await uow.accounts.list()
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
        await storage.close()
        if path is new:
            assert modes == dict.fromkeys(["sage.db", "sage.db-wal", "sage.db-shm"], 0o600)
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        else:
            assert modes["old.db"] == 0o644


@pytest.mark.live
async def test_a_server_that_goes_away_is_met_again(postgres_server: str, tmp_path: Path) -> None:
    """A connection that the server ends fails one unit of work, and the next has a new one."""

    async def write_cut_off(name: str) -> None:
        async with storage.unit_of_work() as uow, uow.savepoint():
            await uow.accounts.get_or_create(name)
            with psycopg.connect(url, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            await uow.accounts.get_or_create("never")

    with fresh_database(postgres_server) as url:
        storage = await Storage.open(url, blob_dir=tmp_path)
        try:
            with pytest.raises(StorageUnavailable):
                await write_cut_off("office")
            await place(storage, account="home")
            async with storage.read() as uow:
                assert [account.name for account in await uow.accounts.list()] == ["home"]
        finally:
            await storage.close()


async def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    """A file of something else is reported and left as it is."""
    file = tmp_path / "notes.db"
    file.write_bytes(b"These are my notes. " * 100)
    with pytest.raises(StorageError, match="NOTADB"):
        await Storage.open(f"sqlite:///{file}", blob_dir=tmp_path)
    assert file.read_bytes() == b"These are my notes. " * 100


async def test_a_writer_waits_for_another_process(tmp_path: Path) -> None:
    """While somebody else holds SQLite's write lock, reading goes on and a writer waits."""
    storage = await Storage.open(f"sqlite:///{tmp_path / 'sage.db'}", blob_dir=tmp_path)
    where = await place(storage)

    async def write() -> None:
        async with storage.unit_of_work() as uow:
            await uow.messages.add(message(where))
            await uow.commit()

    with closing(sqlite3.connect(tmp_path / "sage.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(write())
        async with storage.read() as uow:
            assert await uow.messages.latest(1) == []
        assert not writing.done()
        other.execute("COMMIT")
        await writing
    async with storage.read() as uow:
        assert len(await uow.messages.latest(2)) == 1
    await storage.close()


async def test_a_waiting_writer_can_be_cancelled(tmp_path: Path) -> None:
    """Cancelling a writer that waits for another process leaves the storage usable."""
    storage = await Storage.open(f"sqlite:///{tmp_path / 'sage.db'}", blob_dir=tmp_path)
    with closing(sqlite3.connect(tmp_path / "sage.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(place(storage))
        async with storage.read() as uow:
            await uow.accounts.list()
        writing.cancel()
        asyncio.get_running_loop().call_later(0.2, other.execute, "COMMIT")
        with pytest.raises(asyncio.CancelledError):
            await writing
    await place(storage)
    await storage.close()


async def test_a_reader_needs_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A view with a look-up by key is had without a trip to another thread, once there is one."""
    storage = await Storage.open(f"sqlite:///{tmp_path / 'sage.db'}", blob_dir=tmp_path)
    async with storage.read() as uow:
        await uow.endpoints.get("crm")
    trips: list[object] = []
    loop = asyncio.get_running_loop()
    travel = loop.run_in_executor

    def counted(executor: Executor | None, work: Callable[..., object], *rest: object) -> object:
        trips.append(work)
        return travel(executor, work, *rest)

    monkeypatch.setattr(loop, "run_in_executor", counted)
    async with storage.read() as uow:
        assert (await uow.endpoints.get("crm")).enabled
        assert await uow.outbox.next_due("crm") is None
    assert trips == []
    async with storage.unit_of_work() as writing:
        await writing.endpoints.disable("crm", reason="asked", at=NOW)
        await writing.commit()
    assert len(trips) == 2  # BEGIN and COMMIT, which may wait
    await storage.close()
