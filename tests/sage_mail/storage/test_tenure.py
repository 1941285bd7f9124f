"""One service at a time on a database, and what is certain of that."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from sage_mail.errors import StorageUnavailable
from sage_mail.locking import AlreadyRunning, Holder, StoreLock
from sage_mail.storage import Storage, sole_service, tenure, who_serves
from sage_mail.storage.advisory import AdvisoryLock
from sage_mail.storage.tenure import Tenure
from sage_mail.storage.urls import normalised
from tests.support.postgres import fresh_database
from tests.support.tenure import KEY, end_lock

_ME = f"process {os.getpid()} on {socket.gethostname()}"


@pytest.fixture
def url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database on PostgreSQL."""
    with fresh_database(postgres_server) as fresh:
        yield fresh


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is to be turned away is so at once."""
    monkeypatch.setattr(tenure, "_HANDOVER_SECONDS", 0.0)


@asynccontextmanager
async def _kept(place: Tenure) -> AsyncIterator[asyncio.Task[None]]:
    keeping = asyncio.create_task(place.run())
    try:
        yield keeping
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def _sessions(url: str) -> list[str]:
    with psycopg.connect(url, autocommit=True) as other:
        rows = other.execute(
            "SELECT application_name FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [name for (name,) in rows]


@pytest.mark.live
@pytest.mark.usefixtures("impatient")
async def test_the_second_is_turned_away(url: str) -> None:
    """It is told who runs, on which host, what to do; and when the first has left it may run."""
    assert await who_serves(url) is None
    async with sole_service(url) as place:
        assert place.is_certain
        assert await who_serves(url) == Holder(str(os.getpid()), socket.gethostname())
        with pytest.raises(AlreadyRunning) as refused:
            async with sole_service(url):
                raise AssertionError
        assert str(refused.value).startswith(f"another sage-mail ({_ME}) runs on the database at ")
        assert "nothing was started; stop it first, or set another database.url" in str(
            refused.value
        )
        assert len(_sessions(url)) == 1
    async with sole_service(url):
        pass


@pytest.mark.live
async def test_a_killed_service_is_missed_before_long(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes while the server still has to notice waits for it."""
    monkeypatch.setattr(tenure, "_HANDOVER_SECONDS", 60.0)
    async with AsyncExitStack() as first:
        await first.enter_async_context(sole_service(url))
        second = AsyncExitStack()
        coming = asyncio.create_task(second.enter_async_context(sole_service(url)))
        await _until(lambda: len(_sessions(url)) == 2)
        await first.aclose()
        await coming
        await second.aclose()


@pytest.mark.live
@pytest.mark.usefixtures("impatient")
async def test_a_holder_without_a_name_of_ours(url: str) -> None:
    """Of somebody else who has the lock the address is told."""
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [KEY])
        with pytest.raises(AlreadyRunning, match=r"another sage-mail \(on 127\.0\.0\.1\) runs on"):
            async with sole_service(url):
                raise AssertionError


@pytest.mark.live
async def test_a_lost_connection_is_replaced(url: str) -> None:
    """The service goes on, in a tenure of another number; what was read before counts no more."""
    async with sole_service(url) as place, _kept(place) as keeping:
        assert await place.begun() == 0
        await place.require(0)
        end_lock(url)
        await _until(lambda: place.number == 1)
        with pytest.raises(StorageUnavailable, match="another service may have run"):
            await place.require(0)
        assert await place.begun() == 1
        await place.require(1)
        assert not keeping.done()
        assert await who_serves(url) == Holder(str(os.getpid()), socket.gethostname())
        assert len(_sessions(url)) == 1


@pytest.mark.live
async def test_a_loss_in_the_middle_of_a_question(url: str) -> None:
    """What has come is not taken for the answer before it is read."""
    async with sole_service(url) as place:
        keeping = asyncio.create_task(place.run())
        await asyncio.sleep(0)
        end_lock(url)
        assert not await place.allows(0)
        keeping.cancel()
        await asyncio.wait([keeping])


@pytest.mark.live
async def test_a_loss_is_known_before_another_can_begin(url: str) -> None:
    """The server tells us before it releases the lock, and that is looked for, not waited for."""
    async with sole_service(url) as place:
        end_lock(url)
        assert not place.is_certain
        with pytest.raises(StorageUnavailable):
            await place.require(0)


@pytest.mark.live
async def test_a_connection_that_broke_in_our_hands(url: str) -> None:
    """Nothing is certain any more, and leaving raises nothing."""
    async with sole_service(url) as place:
        lock = cast("tenure._Guarded", place)._lock
        lock._required().pgconn.finish()
        assert not place.is_certain


@pytest.mark.live
async def test_a_lost_place_that_another_has_taken(url: str) -> None:
    """The service is to stop, and says who runs now; the other is left in peace."""
    async with sole_service(url) as place:
        end_lock(url)
        async with sole_service(url) as other:
            with pytest.raises(AlreadyRunning) as lost:
                await place.run()
            assert f"another sage-mail ({_ME}) runs on it now; this one has stopped" in str(
                lost.value
            )
            assert not place.is_certain
            await other.begun()
            assert len(_sessions(url)) == 1


@pytest.mark.live
async def test_a_session_of_ours_that_the_server_has_not_missed(url: str) -> None:
    """It is ended and not taken for another service's."""
    lost, again = (AdvisoryLock(normalised(url)) for _ in range(2))
    again._word, again._name = lost._word, lost._name
    assert await lost.acquire() is None
    assert await again.acquire() is None
    with pytest.raises(StorageUnavailable):
        await lost.confirm()
    await again.confirm()
    await lost.drop()
    await again.release()
    with pytest.raises(StorageUnavailable, match="is not held"):
        await again.confirm()


@pytest.mark.live
async def test_a_pooler_that_shares_sessions(url: str) -> None:
    """A lock that is asked for on one session and confirmed by another is none."""
    lock = AdvisoryLock(normalised(url))
    assert await lock.acquire() is None
    lock._backend += 1
    with pytest.raises(StorageUnavailable, match="a pooler that shares sessions"):
        await lock.confirm()
    await lock.drop()


@pytest.mark.live
async def test_a_host_that_is_gone_is_missed(url: str) -> None:
    """The server is told to give up a silent session, and never one that is merely idle."""
    lock = AdvisoryLock(normalised(url))
    assert await lock.acquire() is None
    connection = lock._required()
    for name, value in (
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "2"),
        ("tcp_user_timeout", "20000"),
        ("idle_session_timeout", "0"),
    ):
        row = await (await connection.execute(f"SHOW {name}")).fetchone()
        assert row == (value,), name
    await lock.release()


@pytest.mark.live
async def test_a_server_that_is_away_at_the_start(url: str) -> None:
    """It is told as the storage tells it, without what is private in the URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(StorageUnavailable, match="the connection is refused; see") as refused:
        async with sole_service(f"postgresql://sage:hidden@127.0.0.1:{port}/sage"):
            raise AssertionError
    assert "hidden" not in str(refused.value)


class _Lock:
    """A lock that does what a test wants; ``answers`` are those to come, None for yes."""

    database = "the database"

    def __init__(self) -> None:
        self.is_open = True
        self.is_quiet = True
        self.answers: list[Exception | None] = []
        self.asked = 0
        self.stirring = asyncio.Event()

    async def acquire(self) -> Holder | None:
        self._answer()
        self.is_open = True
        return None

    async def confirm(self) -> None:
        self._answer()

    async def stirred(self, seconds: float) -> None:
        await self.stirring.wait()

    async def drop(self) -> None:
        self.is_open = False

    def _answer(self) -> None:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _guarded(lock: _Lock, clock: _Clock) -> Any:
    return tenure._Guarded(cast("AdvisoryLock", lock), clock, clock())


async def test_a_server_that_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again and again, for as long as that takes; the number changes once."""
    monkeypatch.setattr(tenure, "_BEAT_SECONDS", 0.0)
    lock = _Lock()
    lock.answers = [StorageUnavailable("away")] * 60 + [TimeoutError()] * 2
    place = _guarded(lock, _Clock())
    async with _kept(place) as keeping:
        await _until(lambda: lock.asked > 62)
        assert await place.begun() == 1
        assert not keeping.done()


async def test_what_is_certain_for_some_seconds_alone() -> None:
    """Who was held up for longer waits until the database has confirmed the place again."""
    lock, clock = _Lock(), _Clock()
    place = _guarded(lock, clock)
    await place.require(0)
    clock.now += 8.5
    with pytest.raises(StorageUnavailable):
        await place.require(0)
    waiting = asyncio.create_task(place.begun())
    await asyncio.sleep(0)
    assert not waiting.done()
    async with _kept(place):
        assert await waiting == 0
        await place.require(0)


async def test_a_file_of_sqlite_that_two_data_dirs_share(tmp_path: Path) -> None:
    """Whatever name it goes by, one service runs on it; and its place cannot be lost."""
    path = tmp_path / "shared" / "sage.db"
    path.parent.mkdir()
    (tmp_path / "link").symlink_to(path.parent)
    url, other = (f"sqlite:///{tmp_path / name / 'sage.db'}" for name in ("shared", "link"))
    assert await who_serves(url) is None
    async with sole_service(url) as place, _kept(place) as keeping:
        assert await who_serves(other) == Holder(str(os.getpid()))
        with pytest.raises(
            AlreadyRunning, match=f"runs on the database {path}; nothing was started; stop it"
        ):
            async with sole_service(other):
                raise AssertionError
        await place.require(await place.begun())
        assert place.is_certain
        assert await place.allows(0)
        storage = await Storage.open(url, blob_dir=tmp_path / "blobs", tenure=place)
        assert storage.tenure is place
        await storage.close()
        assert not keeping.done()
    async with sole_service(f"sqlite:///{path.with_name('other.db')}"), sole_service(other):
        pass


async def test_a_database_of_the_name_of_the_lock(tmp_path: Path) -> None:
    """The locks of the two are two."""
    with StoreLock(tmp_path):
        async with sole_service(f"sqlite:///{tmp_path / 'sage-mail'}"):
            pass
