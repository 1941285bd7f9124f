"""The live feed over WebSocket (``/feed``) and Server-Sent Events (``/feed/events``).

Both say the same events in the same JSON. A WebSocket begins with ``feed.ready``, which holds the
number from which one follows, and says ``feed.heartbeat`` with the number reached when nothing else
has been said for a while; Server-Sent Events say both by an ``id`` without data.

A client whose connection takes nothing for some seconds while something waits for it is cut off. It
can come back with the last number that it has seen and misses nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import JSONResponse, Response
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from sage_mail.console.access import SUBPROTOCOL, Access
from sage_mail.delivery.close_codes import CloseCode
from sage_mail.delivery.feed import Feed, FeedClosed, FeedEvent, FeedFull, Follower
from sage_mail.errors import FeedRefused, StorageError
from sage_mail.telemetry import get_logger

__all__ = ["Pace", "feed_routes"]

_log = get_logger(__name__)

_OWN: Final = frozenset({"token", "since"})
_DIGITS: Final = 19
# RFC 6455 section 5.5: what a close frame can say beside its code.
_LONGEST_REASON: Final = 123
_CUT: Final = " …"
_RETRY_MILLISECONDS: Final = 1000
_CHUNK: Final = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times in seconds.

    *heartbeat* is the longest silence, *stall* how long a client may take nothing of what waits for
    it, *linger* how long it may then take for the last word.
    """

    heartbeat: float = 15.0
    stall: float = 10.0
    linger: float = 5.0


class _TooSlow(Exception):
    """The client takes nothing."""


class _Outlet:
    """The way out to one client, and since when something waits in it.

    It is watched from beside: a deadline for each event would cost as much as sending it.
    """

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self._send = send
        self._now = asyncio.get_running_loop().time
        self._since = 0.0

    async def say(self, text: str) -> None:
        """Send the text, once the client has taken enough of what was sent before."""
        self._since = self._now()
        await self._send(text)
        self._since = 0.0

    async def until_gone(
        self,
        speaking: Coroutine[Any, Any, None],
        listening: Coroutine[Any, Any, None],
        *,
        stall: float,
    ) -> None:
        """Let *speaking* go on until the client goes; raises what it raises, and `_TooSlow`."""
        tasks = {asyncio.ensure_future(speaking), asyncio.ensure_future(listening)}
        try:
            done: set[asyncio.Task[None]] = set()
            while not done:
                done, _ = await asyncio.wait(
                    tasks, timeout=stall / 2, return_when=asyncio.FIRST_COMPLETED
                )
                if not done and self._since and self._now() - self._since > stall:
                    raise _TooSlow
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a stream ends: the code of a WebSocket, the status of HTTP, and the words for both."""

    code: int
    status: int
    reason: str


def feed_routes(feed: Feed, access: Access, pace: Pace) -> APIRouter:
    """The two streams over *feed*."""
    router = APIRouter()

    @router.websocket("/feed")
    async def follow(socket: WebSocket) -> None:
        await _serve_socket(socket, feed, access, pace)

    @router.get("/feed/events")
    async def events(request: Request) -> Response:
        return await _serve_events(request, feed, access, pace)

    return router


async def _serve_socket(socket: WebSocket, feed: Feed, access: Access, pace: Pace) -> None:
    if not access.welcomes(socket):
        await socket.send_denial_response(_foreign())
        return
    # Accepted first, because a browser tells its page nothing of a handshake that was refused.
    offered = SUBPROTOCOL in socket.scope["subprotocols"]
    await socket.accept(subprotocol=SUBPROTOCOL if offered else None)
    if not await access.admits(socket):
        await _close(socket, _no_token(), pace)
        return
    try:
        async with feed.follow(_parameters(socket), since=_since(socket)) as follower:
            outlet = _Outlet(socket.send_text)
            speaking = _say(outlet, follower, pace)
            await outlet.until_gone(speaking, _listen(socket), stall=pace.stall)
    except WebSocketDisconnect:
        return
    except (FeedClosed, FeedRefused, StorageError, _TooSlow) as error:
        await _close(socket, _ending(error, pace), pace)


async def _listen(socket: WebSocket) -> None:
    """Until the client goes; what it says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _say(outlet: _Outlet, follower: Follower, pace: Pace) -> None:
    await outlet.say(_sign("feed.ready", follower, pace))
    while True:
        events = await follower.next(pace.heartbeat)
        for event in events:
            await outlet.say(event.text)
            if len(events) > 1:
                # A thousand who catch up at once take turns with the mail.
                await asyncio.sleep(0)
        if not events:
            await outlet.say(_sign("feed.heartbeat", follower, pace))


async def _close(socket: WebSocket, ending: _Ending, pace: Pace) -> None:
    """Say why it ends, if the client takes it; the connection ends in any case."""
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(pace.linger):
            await socket.close(ending.code, _reason(ending.reason))


async def _serve_events(request: Request, feed: Feed, access: Access, pace: Pace) -> Response:
    if not access.welcomes(request):
        return _foreign()
    if not await access.admits(request):
        return _refusal(_no_token())
    stack = AsyncExitStack()
    try:
        follower = await stack.enter_async_context(
            feed.follow(_parameters(request), since=_since(request))
        )
    except (FeedClosed, FeedRefused, StorageError) as error:
        return _refusal(_ending(error, pace))
    return _EventStream(stack, follower, pace)


class _EventStream(Response):
    """The stream itself. Not Starlette's, which would wait for ever for a client that stalls."""

    media_type = "text/event-stream"

    def __init__(self, stack: AsyncExitStack, follower: Follower, pace: Pace) -> None:
        super().__init__(
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            media_type="text/event-stream",
        )
        del self.headers["content-length"]
        self._stack = stack
        self._follower = follower
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def pass_on(chunk: str) -> None:
            await send(_body(chunk))

        start: Message = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        outlet = _Outlet(pass_on)
        try:
            async with self._stack:
                await send(start)
                speaking = _stream(outlet, self._follower, self._pace)
                await outlet.until_gone(speaking, _gone(receive), stall=self._pace.stall)
        except (FeedClosed, StorageError, _TooSlow) as error:
            reason = _reason(_ending(error, self._pace).reason)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.linger):
                    await pass_on(f"event: closed\ndata: {reason}\n\n")
                    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _stream(outlet: _Outlet, follower: Follower, pace: Pace) -> None:
    await outlet.say(f"retry: {_RETRY_MILLISECONDS}\n: ready\nid: {follower.position}\n\n")
    while True:
        events = await follower.next(pace.heartbeat)
        for chunk in _chunks(events):
            await outlet.say(chunk)
            if len(events) > 1:
                await asyncio.sleep(0)
        if not events:
            await outlet.say(f": heartbeat\nid: {follower.position}\n\n")


def _chunks(events: Iterable[FeedEvent]) -> Iterator[str]:
    """The events in few pieces, none of them much longer than the connection holds anyway."""
    pending, size = list[str](), 0
    for event in events:
        pending.append(f"id: {event.seq}\ndata: {event.text}\n\n")
        size += len(event.text)
        if size > _CHUNK:
            yield "".join(pending)
            pending, size = [], 0
    if pending:
        yield "".join(pending)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _body(chunk: str) -> Message:
    return {"type": "http.response.body", "body": chunk.encode(), "more_body": True}


def _sign(type_: str, follower: Follower, pace: Pace) -> str:
    """What the feed says of itself, in the form of its events."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps(
        {
            "type": type_,
            "timestamp": moment,
            "data": {"heartbeat": pace.heartbeat},
            "sequence": follower.position,
        },
        separators=(",", ":"),
    )


def _parameters(connection: HTTPConnection) -> list[tuple[str, str]]:
    return [pair for pair in connection.query_params.multi_items() if pair[0] not in _OWN]


def _since(connection: HTTPConnection) -> int | None:
    """The number behind which to begin; that of a browser that comes back is the newer one."""
    text = connection.headers.get("last-event-id") or connection.query_params.get("since")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise FeedRefused("since is not a number; give the sequence of the last event you have")
    return int(text)


def _ending(error: Exception, pace: Pace) -> _Ending:
    match error:
        case FeedClosed():
            return _Ending(CloseCode.RESTARTING, 503, "the service stops; come back and resume")
        case FeedFull():
            return _Ending(CloseCode.TRY_LATER, 503, str(error))
        case FeedRefused():
            return _Ending(CloseCode.REFUSED, 400, str(error))
        case StorageError():
            _log.error("feed_unreadable", error=str(error))
            return _Ending(CloseCode.TRY_LATER, 503, "the events cannot be read now")
        case _:
            _log.warning("feed_client_cut_off", stalled_seconds=pace.stall)
            reason = f"too slow: nothing taken for {pace.stall:g} s; come back and resume"
            return _Ending(CloseCode.TOO_SLOW, 0, reason)


def _no_token() -> _Ending:
    return _Ending(CloseCode.UNAUTHORIZED, 401, "the token is missing or wrong")


def _foreign() -> JSONResponse:
    text = "pages of this origin may not follow the feed; name it in [feed] origins"
    return JSONResponse({"error": text}, HTTPStatus.FORBIDDEN)


def _refusal(ending: _Ending) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if ending.status == HTTPStatus.UNAUTHORIZED else {}
    return JSONResponse({"error": ending.reason}, ending.status, headers)


def _reason(text: str) -> str:
    """The text, no longer than a close frame takes: what is cut ends with a word and a sign."""
    octets = text.encode()
    if len(octets) <= _LONGEST_REASON:
        return text
    kept = octets[: _LONGEST_REASON - len(_CUT.encode())].decode("utf-8", "ignore")
    return (kept.rpartition(" ")[0].rstrip(",;:") or kept) + _CUT
