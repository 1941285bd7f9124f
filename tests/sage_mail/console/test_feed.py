"""The feed over real WebSockets and real HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from sage_mail.console.feed import Pace
from sage_mail.delivery import feed as feeds
from sage_mail.errors import StorageUnavailable
from sage_mail.storage import Storage
from tests.sage_mail.console.feeding import (
    BEARER,
    TOKEN,
    append,
    fed,
    next_data,
    reading,
    serving,
    streamed,
    until,
)
from tests.sage_mail.storage.samples import place


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone, because what is tested here lies above the database."""
    return f"sqlite:///{tmp_path / 'sage.db'}"


def _socket(address: str, query: str = "", **options: Any) -> connect:
    headers = {"additional_headers": BEARER}
    return connect(f"ws{address[4:]}/feed{query}", proxy=None, **headers | options)


async def _next(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        found: dict[str, Any] = json.loads(await client.recv())
        return found


async def _rest(client: ClientConnection) -> AsyncIterator[str]:
    """All that is still to come, to an end of whatever kind."""
    with suppress(ConnectionClosed):
        while True:
            yield str(await client.recv())


async def _ending(client: ClientConnection) -> tuple[int, str]:
    """The code and the reason with which the server closes."""
    async with asyncio.timeout(10):
        async for _ in _rest(client):
            pass
    assert client.close_code is not None
    return client.close_code, client.close_reason or ""


async def test_both_streams_say_the_same(storage: Storage) -> None:
    """An event comes over WebSocket and Server-Sent Events in the same words, with its number."""
    await append(storage, {})
    async with fed(storage) as address, _socket(address) as client, streamed(address) as lines:
        ready = await _next(client)
        assert (ready["type"], ready["sequence"]) == ("feed.ready", 1)
        assert [await anext(lines) for _ in range(4)] == ["retry: 1000", ": ready", "id: 1", ""]
        await append(storage, {"data": {"subject": "Grüße"}})
        found = await _next(client)
        assert found == await next_data(lines)
    assert (found["type"], found["sequence"]) == ("message.new", 2)
    assert found["data"] == {"subject": "Grüße"}


async def test_resuming_has_no_seam(storage: Storage) -> None:
    """Whoever comes back with a number gets all behind it and what comes then, each once."""
    await append(storage, *[{}] * 300)
    async with fed(storage) as address, _socket(address, "?since=17") as client:
        await append(storage, *[{}] * 50)
        async with streamed(address, headers=BEARER | {"Last-Event-ID": "349"}) as lines:
            assert (await next_data(lines))["sequence"] == 350
        found = [(await _next(client))["sequence"] for _ in range(334)]
    assert found == [17, *range(18, 351)]


async def test_the_future_is_refused(storage: Storage) -> None:
    """A number that no event has yet is an error that says which is the latest."""
    await append(storage, {}, {})
    async with fed(storage) as address:
        async with _socket(address, "?since=3") as client:
            code, reason = await _ending(client)
            assert code == 4400
            assert "the latest event is 2" in reason
        answer = await _get(address, "?since=3")
        assert answer.status_code == 400
        assert "lies in the future: the latest event is 2" in answer.json()["error"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?since=-1", "since is not a number"),
        ("?since=99999999999999999999", "since is not a number"),
        ("?since=9999999999999999999", "number of an event"),
        ("?typ=message.new", "did you mean 'type'?"),
        ("?type=message.knew", "did you mean 'message.new'?"),
        ("?category=suport", "did you mean 'support'?"),
        ("?account=ofice", "did you mean 'office'?"),
        ("?folder=", "1 to 255 characters"),
        ("?" + "&".join(["folder=a"] * 51), "up to 50 values"),
    ],
)
async def test_wrong_questions_are_answered(storage: Storage, query: str, words: str) -> None:
    """What cannot be followed is refused in words that name the remedy."""
    await place(storage)
    async with fed(storage) as address:
        answer = await _get(address, query)
        async with _socket(address, query) as client:
            code, reason = await _ending(client)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert code == 4400
    error = answer.json()["error"]
    kept, sign, rest = reason.partition(" …")
    assert (sign, rest) == ((" …" if len(error) > 123 else ""), "")
    assert len(reason.encode()) <= 123
    assert error.startswith(kept)
    assert not sign or error[len(kept)] in " ,;:"


async def test_filters(storage: Storage) -> None:
    """Only what fits every filter comes, where one filter may have several values."""
    await place(storage, "office")
    await place(storage, "home")
    await append(
        storage,
        {"account": "home"},
        {"type": "message.deleted"},
        {"data": {"category": "spam"}},
        {"data": {"category": "support"}},
        {"data": {"category": "urgent"}, "mailbox": "Other"},
        {
            "type": "message.moved",
            "mailbox": "Other",
            "data": {
                "category": "sales",
                "moved": {"from": {"mailbox": "INBOX"}, "to": {"mailbox": "Other"}},
            },
        },
    )
    query = (
        "?since=0&account=office&type=message.new&type=*.moved&folder=INBOX"
        "&category=support&category=urgent&category=sales"
    )
    async with fed(storage) as address, streamed(address, query) as lines:
        assert [(await next_data(lines))["sequence"] for _ in range(2)] == [4, 6]


async def test_a_heartbeat_says_how_far_one_is(storage: Storage) -> None:
    """When nothing is wanted of what happens, the number to resume from goes on all the same."""
    async with (
        fed(storage, pace=Pace(heartbeat=0.1)) as address,
        _socket(address, "?type=account.*") as client,
        streamed(address, "?type=account.*") as lines,
    ):
        await _next(client)
        await append(storage, {}, {})
        async with asyncio.timeout(10):
            while (beat := await _next(client))["sequence"] < 2:
                pass
            async for line in lines:
                if line == "id: 2":
                    break
    assert beat["type"] == "feed.heartbeat"
    assert beat["data"] == {"heartbeat": 0.1}


async def _get(address: str, query: str = "", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=address, headers=headers or BEARER, timeout=20) as web:
        return await web.get(f"/feed/events{query}")


async def test_ways_to_show_the_token(storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    """A header, a subprotocol and the query open the feed; the token is written nowhere."""
    caplog.set_level(logging.DEBUG)
    encoded = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    protocols = [Subprotocol("sage.feed"), Subprotocol(f"sage.bearer.{encoded}")]
    async with fed(storage) as address:
        async with _socket(address, additional_headers={}, subprotocols=protocols) as client:
            assert (await _next(client))["type"] == "feed.ready"
            assert client.subprotocol == "sage.feed"
        async with _socket(address, f"?token={TOKEN}", additional_headers={}) as client:
            assert (await _next(client))["type"] == "feed.ready"
        async with streamed(address, f"?token={TOKEN}", headers={"X": "y"}) as lines:
            assert (await anext(lines)).startswith("retry")
    ours = [
        record for record in caplog.records if not record.name.startswith(("websockets", "httpx"))
    ]
    assert not any(TOKEN in record.getMessage() for record in ours)


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "no token at all"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN}\xe4"},
    ],
)
async def test_no_token_no_feed(storage: Storage, headers: dict[str, str]) -> None:
    """Without the right token a client is told so, and nothing else."""
    async with fed(storage) as address:
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        async with httpx.AsyncClient(base_url=address, timeout=20) as web:
            answer = await web.get("/feed/events", headers=raw)
        sent = {name: value.replace("\xe4", "?") for name, value in headers.items()}
        async with _socket(address, additional_headers=sent) as client:
            code, reason = await _ending(client)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (code, reason) == (4401, "the token is missing or wrong")


async def test_bad_subprotocols_are_no_token(storage: Storage) -> None:
    """A subprotocol that is no base64 is a wrong token and no failure of ours."""
    protocols = [Subprotocol("sage.bearer.A"), Subprotocol("sage.bearer.~")]
    async with (
        fed(storage) as address,
        _socket(address, additional_headers={}, subprotocols=protocols) as client,
    ):
        assert (await _ending(client))[0] == 4401


async def test_pages_from_elsewhere_are_refused(storage: Storage) -> None:
    """A page of another origin is let in only if it is named, even with the token."""
    named = "https://dash.example.org"
    async with fed(storage, origins=(named,)) as address:
        with pytest.raises(InvalidStatus) as caught:
            async with _socket(address, origin="https://evil.example"):
                pass
        assert caught.value.response.status_code == 403
        assert (await _get(address, **BEARER, Origin="null")).status_code == 403
        for origin in (named, address):
            async with _socket(address, origin=origin) as client:
                assert (await _next(client))["type"] == "feed.ready"


async def test_a_client_that_takes_nothing_is_cut_off(storage: Storage) -> None:
    """It is told why if it wakes up in time, can resume, and has delayed nobody meanwhile."""
    big = [{"data": {"subject": "x" * 50_000}}] * 400
    async with (
        reading(storage) as feed,
        serving(feed, pace=Pace(stall=0.5, linger=8)) as address,
        _socket(address) as quick,
        _socket(address, max_queue=1) as slow,
    ):
        await _next(quick)
        await _next(slow)
        await append(storage, *big)
        found = [(await _next(quick))["sequence"] for _ in range(400)]
        assert found == list(range(1, 401))
        await until(lambda: feed.followers == 1)
        taken = [json.loads(text)["sequence"] async for text in _rest(slow)]
        assert 0 < len(taken) < 400
        assert slow.close_code == 4408
        assert "come back and resume" in (slow.close_reason or "")
        async with _socket(address, f"?since={taken[-1]}") as back:
            await _next(back)
            assert (await _next(back))["sequence"] == taken[-1] + 1


async def test_a_client_that_never_wakes_is_forgotten(storage: Storage) -> None:
    """A stream that is not read and never answered holds no place after its time."""
    async with (
        reading(storage) as feed,
        serving(feed, pace=Pace(stall=0.2, linger=0.2)) as address,
    ):
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as deaf:
            request = f"GET /feed/events?since=0&token={TOKEN} HTTP/1.1\r\nHost: x\r\n\r\n"
            deaf.sendall(request.encode())
            await until(lambda: feed.followers == 1)
            await append(storage, *[{"data": {"subject": "x" * 50_000}}] * 400)
            await until(lambda: feed.followers == 0)


async def test_the_end_of_the_service_is_told(storage: Storage) -> None:
    """When the service stops, clients are told to come back."""
    async with fed(storage) as address:
        client = await _socket(address)
        await _next(client)
        stream = streamed(address)
        lines = await stream.__aenter__()
    assert (await _ending(client)) == (1012, "the service stops; come back and resume")
    assert [line async for line in lines][-3:-1] == [
        "event: closed",
        "data: the service stops; come back and resume",
    ]
    await stream.__aexit__(None, None, None)


async def test_a_database_that_is_away(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever needs it is told to come back later; the feed goes on when it is back."""
    monkeypatch.setattr(feeds, "_MOST_BYTES", 0)
    monkeypatch.setattr(feeds, "_OUTAGE_PAUSE", 0.05)
    await append(storage, {})

    def away() -> NoReturn:
        raise StorageUnavailable("the database is away")

    async with fed(storage) as address, _socket(address) as client:
        await _next(client)
        with monkeypatch.context() as outage:
            outage.setattr(storage, "read", away)
            async with _socket(address, "?since=0") as other:
                assert await _ending(other) == (1013, "the events cannot be read now")
            assert (await _get(address, "?account=office")).status_code == 503
        await append(storage, {})
        assert (await _next(client))["sequence"] == 2
