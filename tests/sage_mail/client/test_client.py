"""Both clients against a real feed: they resume, and they know when to give up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sage_mail.client import AsyncFeedClient, Event, FeedClient, FeedRefused
from sage_mail.client.course import Course
from sage_mail.console.feed import Pace
from sage_mail.listening import stop_accepting
from sage_mail.storage import Storage
from tests.sage_mail.console.feeding import TOKEN, append, fed, reading, serving, until


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone, because what is tested here lies above the database."""
    return f"sqlite:///{tmp_path / 'sage.db'}"


@asynccontextmanager
async def _again(storage: Storage, address: str) -> AsyncIterator[None]:
    """The service once more, at the same address."""
    port = int(address.rpartition(":")[2])
    async with reading(storage) as feed, serving(feed, port=port):
        yield


async def test_it_resumes_after_a_restart(storage: Storage) -> None:
    """What happens while the service is away is told when it is back, once and in order."""
    async with fed(storage) as address:
        client = AsyncFeedClient(address, token=TOKEN, since=0)
        await append(storage, {}, {})
        found = [(await anext(client)).sequence for _ in range(2)]
    await append(storage, {}, {})
    async with client, _again(storage, address), asyncio.timeout(20):
        await append(storage, {})
        found += [(await anext(client)).sequence for _ in range(3)]
    assert found == [1, 2, 3, 4, 5]


async def test_it_misses_nothing_before_its_first_event(storage: Storage) -> None:
    """A client that was only just let in knows from where to resume."""
    await append(storage, {})
    async with fed(storage) as address:
        client = AsyncFeedClient(address, token=TOKEN)
        waiting = asyncio.create_task(_first(client))
        async with asyncio.timeout(10):
            while client.position is None:
                await asyncio.sleep(0.01)
    await append(storage, {}, {})
    async with client, _again(storage, address), asyncio.timeout(20):
        assert (await waiting).sequence == 2


async def _first(client: AsyncFeedClient) -> Event:
    return await anext(client)


async def test_an_event_is_read(storage: Storage) -> None:
    """An event has its number, type, aware time and data."""
    async with (
        fed(storage) as address,
        AsyncFeedClient(f"{address}/", token=TOKEN, since=0, types=["message.*"]) as client,
    ):
        await append(storage, {"type": "account.connected"}, {})
        event = await anext(client)
    assert (event.sequence, event.type) == (2, "message.new")
    assert event.timestamp.isoformat() == "2024-05-17T09:30:15.123000+00:00"
    assert event.data == {"subject": "Hello"}


async def test_a_silent_link_is_given_up(storage: Storage) -> None:
    """A connection on which even the heartbeats have stopped is made anew."""
    accepted, left = asyncio.Semaphore(0), asyncio.Semaphore(0)
    visits: list[asyncio.StreamWriter] = []

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(writer)
        accepted.release()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.release()

    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with fed(storage, pace=Pace(heartbeat=0.1)) as address:
        client = AsyncFeedClient(address, token=TOKEN)
        waiting = asyncio.create_task(_first(client))
        async with asyncio.timeout(10):
            while client.position is None:
                await asyncio.sleep(0.01)
        assert client._course.patience < 2
    client._course._base = f"ws://127.0.0.1:{port}/feed"
    async with asyncio.timeout(10):
        await accepted.acquire()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await client.close()
    await stop_accepting(server.sockets)
    server.close()
    async with asyncio.timeout(10):
        for _ in visits:
            await left.acquire()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"token": "wrong"}, "token is missing or wrong"),
        ({"since": 7}, "lies in the future"),
        ({"categories": ["suport"]}, "did you mean 'support'?"),
    ],
)
async def test_it_gives_up_where_it_must(
    storage: Storage, options: dict[str, object], words: str
) -> None:
    """What would be refused again is an error that says why, in both clients."""
    async with fed(storage) as address:
        chosen: dict[str, object] = {"token": TOKEN, **options}
        async with AsyncFeedClient(address, **chosen) as client:  # type: ignore[arg-type]  # by case
            with pytest.raises(FeedRefused, match=words.replace("?", r"\?")):
                await anext(client)
        with (
            FeedClient(address, **chosen) as blocking,  # type: ignore[arg-type]  # by case
            pytest.raises(FeedRefused, match=words.replace("?", r"\?")),
        ):
            await asyncio.to_thread(next, blocking)


async def test_no_feed_there(storage: Storage) -> None:
    """An address without a feed is said to be one."""
    async with fed(storage) as address, AsyncFeedClient(f"{address}/x", token=TOKEN) as client:
        with pytest.raises(FeedRefused, match="no feed at this address"):
            await anext(client)
    with pytest.raises(ValueError, match="http://host:port"):
        FeedClient("localhost:8766", token=TOKEN)


async def test_the_blocking_client(storage: Storage) -> None:
    """It resumes in the same way, and another thread can end it."""
    found: list[int] = []
    done = threading.Event()
    async with fed(storage) as address:
        client = FeedClient(address, token=TOKEN, since=0)

        def follow() -> None:
            for event in client:
                found.append(event.sequence)
                if len(found) == 4:
                    done.set()

        following = asyncio.create_task(asyncio.to_thread(follow))
        await append(storage, {}, {})
        async with asyncio.timeout(10):
            while len(found) < 2:
                await asyncio.sleep(0.01)
    await append(storage, {})
    async with _again(storage, address):
        await append(storage, {})
        assert await asyncio.to_thread(done.wait, 20)
        assert client.position == 4
        await asyncio.to_thread(client.close)
        async with asyncio.timeout(10):
            await following
    assert found == [1, 2, 3, 4]


async def test_closing_ends_a_pause(storage: Storage) -> None:
    """A client that waits to come back ends at once when it is closed."""
    async with fed(storage) as address:
        pass
    client = AsyncFeedClient(address, token=TOKEN)
    client._course._pause = 29.0
    following = asyncio.create_task(_all(client))
    async with asyncio.timeout(12):
        await until(lambda: client._course._pause == 30.0)  # the next one: this one has begun
        await client.close()
        assert await following == []


async def _all(client: AsyncFeedClient) -> list[Event]:
    return [event async for event in client]


def test_pauses_grow_to_half_a_minute() -> None:
    """The pauses double from a quarter of a second to thirty, each shortened by chance."""
    course = Course("https://mail.example.org", token=TOKEN, since=None, filters={"type": "a.b"})
    pauses = [course.lost(OSError()) for _ in range(10)]
    full = [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert all(whole / 2 <= pause <= whole for pause, whole in zip(pauses, full, strict=True))
    assert course.address == "wss://mail.example.org/feed?type=a.b"


def test_it_loads_little() -> None:
    """A program that only listens does not load the system."""
    code = (
        "import sys, sage_mail.client;"
        "print([n for n in ('fastapi', 'sqlalchemy', 'pydantic', 'sage_imap') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
