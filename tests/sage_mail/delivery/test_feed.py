"""The feed itself: nothing is missed or doubled, and little is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sage_mail.delivery import feed as feeds
from sage_mail.delivery.feed import Feed, FeedClosed, FeedFull
from sage_mail.delivery.feed_filter import FeedFilter
from sage_mail.errors import FeedRefused
from sage_mail.storage import Storage
from tests.sage_mail.console.feeding import append, reading, until

_LARGE = {"data": {"subject": "x" * 1000}}


async def _take(feed: Feed, since: int, count: int) -> list[int]:
    found: list[int] = []
    async with feed.follow(since=since) as follower, asyncio.timeout(10):
        while len(found) < count:
            found += [event.seq for event in await follower.next(1)]
    return found


async def test_what_is_not_kept_is_read_again(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower far behind walks through the database into the window and sees each event once."""
    monkeypatch.setattr(feeds, "_MOST_KEPT", 20)
    async with reading(storage) as feed:
        for _ in range(5):
            await append(storage, *[{}] * 15)
        await until(lambda: feed.last == 75)
        assert await _take(feed, 0, 75) == list(range(1, 76))
        assert await _take(feed, 60, 15) == list(range(61, 76))


async def test_the_window_is_bounded_by_bytes(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large events leave the window early, and are there for all who ask."""
    monkeypatch.setattr(feeds, "_MOST_BYTES", 5000)
    async with reading(storage) as feed:
        await append(storage, *[_LARGE] * 12)
        await until(lambda: feed.last == 12)
        assert sum(len(event.text) for event in feed._window) <= 5000
        assert await _take(feed, 0, 12) == list(range(1, 13))


async def test_an_event_beyond_the_bound_comes_through(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that is larger than the whole window is read from the database by each."""
    monkeypatch.setattr(feeds, "_MOST_BYTES", 500)
    async with reading(storage) as feed:
        await append(storage, _LARGE, _LARGE)
        await until(lambda: feed.last == 2)
        assert feed._window == []
        assert await _take(feed, 0, 2) == [1, 2]


async def test_a_start_on_a_long_log(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new feed takes the latest events into its window, and nothing old for new."""
    monkeypatch.setattr(feeds, "_MOST_KEPT", 10)
    await append(storage, *[{}] * 30)
    async with reading(storage) as feed:
        async with feed.follow() as follower:
            assert follower.position == 30
            assert await follower.next(0) == []
        assert await _take(feed, 2, 28) == list(range(3, 31))


async def test_each_is_read_once(storage: Storage) -> None:
    """All followers are handed the same event, made once."""
    async with reading(storage) as feed, feed.follow() as one, feed.follow() as two:
        await append(storage, {})
        assert (await one.next(5))[0] is (await two.next(5))[0]


async def test_another_process_may_be_ahead(
    storage: Storage, database_url: str, tmp_path: Path
) -> None:
    """A number that is in the log is not the future, though the feed has not come to it yet."""
    other = await Storage.open(database_url, blob_dir=tmp_path / "blobs")
    try:
        async with reading(storage) as feed, feed.follow():
            await append(other, {})
            async with feed.follow(since=1) as follower:
                await append(storage, {})
                assert [event.seq for event in await follower.next(5)] == [2]
    finally:
        await other.close()


async def test_no_more_than_fit(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound a follower is turned away; who leaves makes room."""
    monkeypatch.setattr(feeds, "_MOST_FOLLOWERS", 1)
    async with reading(storage) as feed:
        async with feed.follow():
            with pytest.raises(FeedFull):
                async with feed.follow():
                    pass
        async with feed.follow():
            assert feed.followers == 1


async def test_the_end_reaches_everybody(storage: Storage) -> None:
    """Who waits and who comes is told that the feed has ended."""
    async with reading(storage) as feed, feed.follow() as follower:
        waiting = asyncio.create_task(follower.next(60))
        await until(lambda: bool(feed._waiting))
        feed.close()
        with pytest.raises(FeedClosed):
            await waiting
        with pytest.raises(FeedClosed):
            async with feed.follow():
                pass


async def test_a_long_skim_comes_up_for_air(storage: Storage) -> None:
    """Whoever wants nothing of a long log is still heard from in time."""
    await append(storage, *[{}] * 500)
    async with reading(storage) as feed, feed.follow([("type", "account.*")], since=0) as follower:
        assert await follower.next(0) == []
        assert 0 < follower.position < 500
        assert await follower.next(0.5) == []
        assert follower.position == 500


def test_a_long_value_is_not_repeated_whole() -> None:
    """An error does not become as long as what caused it."""
    with pytest.raises(FeedRefused) as caught:
        FeedFilter.parse([("x" * 10_000, "y")], accounts=())
    assert len(str(caught.value)) < 200
