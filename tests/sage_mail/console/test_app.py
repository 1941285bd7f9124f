"""The web application over real HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

from sage_mail.console.app import create_app
from sage_mail.console.server import serve
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import event, message, place


async def test_the_page_needs_nothing_from_elsewhere(storage: Storage) -> None:
    """Page, style and script come from the application itself; no other host is named."""
    async with (
        serve(create_app(storage)) as address,
        httpx.AsyncClient(base_url=address, timeout=20) as web,
    ):
        page = await web.get("/")
        parts = [await web.get(path) for path in ("/static/live.css", "/static/live.js")]

    assert page.status_code == 200
    assert all(part.status_code == 200 for part in parts)
    assert not any("http" in part.text for part in (page, *parts))


async def test_the_board_follows_commits(storage: Storage) -> None:
    """The stream tells the board at once and again after a commit."""
    where = await place(storage)
    async with (
        serve(create_app(storage)) as address,
        httpx.AsyncClient(base_url=address, timeout=20) as web,
        web.stream("GET", "/board") as stream,
    ):
        lines = stream.aiter_lines()
        first = await _next_board(lines)
        async with storage.unit_of_work() as uow:
            await uow.events.append(event(await uow.messages.add(message(where))))
            await uow.commit()
        second = await _next_board(lines)

    assert (first["counts"]["stored"], second["counts"]["stored"]) == (0, 1)
    assert [mail["subject"] for mail in second["mails"]] == ["Message 1"]


async def test_a_name_that_points_at_loopback_reads_nothing(storage: Storage) -> None:
    """A request for another host is refused (DNS rebinding)."""
    async with (
        serve(create_app(storage)) as address,
        httpx.AsyncClient(base_url=address, timeout=20) as web,
    ):
        answer = await web.get("/board", headers={"Host": "evil.example"})

    assert answer.status_code == 400


async def _next_board(lines: object) -> dict[str, Any]:
    async with asyncio.timeout(10):
        async for line in lines:  # type: ignore[attr-defined]  # httpx does not name its type
            if line.startswith("data: "):
                board: dict[str, Any] = json.loads(line[6:])
                return board
    raise AssertionError("the stream ended")
