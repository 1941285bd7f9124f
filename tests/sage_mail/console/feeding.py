"""A feed over a storage, served over real HTTP, and clients that see each octet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from sage_mail.console.access import Access
from sage_mail.console.feed import Pace, feed_routes
from sage_mail.console.server import serve
from sage_mail.delivery.feed import Feed
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import event

__all__ = [
    "BEARER",
    "TOKEN",
    "append",
    "fed",
    "next_data",
    "reading",
    "serving",
    "streamed",
    "until",
]

TOKEN = "correct-horse-battery-staple"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def reading(storage: Storage) -> AsyncIterator[Feed]:
    """A feed that runs."""
    async with Feed(storage).running() as feed:
        yield feed


@asynccontextmanager
async def serving(
    feed: Feed, *, pace: Pace | None = None, origins: tuple[str, ...] = (), port: int = 0
) -> AsyncIterator[str]:
    """The address of a server with the feed."""
    app = FastAPI()
    access = Access(lambda: TOKEN, origins=origins)
    app.include_router(feed_routes(feed, access, pace or Pace()))
    async with serve(app, port=port) as address:
        yield address
        feed.close()


@asynccontextmanager
async def fed(
    storage: Storage, *, pace: Pace | None = None, origins: tuple[str, ...] = ()
) -> AsyncIterator[str]:
    """The address of a server with a feed of the storage."""
    async with reading(storage) as feed, serving(feed, pace=pace, origins=origins) as address:
        yield address


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.02)


async def append(storage: Storage, *changes: dict[str, Any]) -> None:
    """Commit an event for each of the changes, all at once."""
    async with storage.unit_of_work() as uow:
        for each in changes:
            await uow.events.append(event(**each))
        await uow.commit()


@asynccontextmanager
async def streamed(
    address: str, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of the stream of Server-Sent Events, from the first on."""
    async with (
        httpx.AsyncClient(base_url=address, headers=headers or BEARER, timeout=10) as web,
        web.stream("GET", f"/feed/events{query}") as answer,
    ):
        assert answer.status_code == 200
        yield answer.aiter_lines()


async def next_data(lines: AsyncIterator[str]) -> dict[str, Any]:
    """The next event of the stream."""
    async with asyncio.timeout(10):
        async for line in lines:
            if line.startswith("data: "):
                found: dict[str, Any] = json.loads(line[6:])
                return found
    raise AssertionError("the stream ended")
