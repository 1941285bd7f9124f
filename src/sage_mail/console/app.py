"""The web application: the live page and the board behind it.

It listens on loopback only, and only to requests that were sent to loopback: a page on the internet
that points a name of its own at 127.0.0.1 (DNS rebinding) reads nothing.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from importlib import resources
from typing import Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from sage_mail.console.access import Access
from sage_mail.console.board import Board
from sage_mail.console.feed import Pace, feed_routes
from sage_mail.delivery.feed import Feed
from sage_mail.storage import Storage

__all__ = ["create_app"]

# A browser draws no faster than people read; what is committed in between is drawn together.
_PAUSE: Final = 0.2
# Also how often it is looked whether another process has committed something.
_HEARTBEAT: Final = 2.0


def create_app(storage: Storage, feed: Feed | None = None) -> FastAPI:
    """The application over *storage*, which it only reads.

    With a *feed*, which has to be running, the page follows the events too. Its token is made here
    and is in the page, for the page itself is for whoever may speak to loopback.
    """
    app = FastAPI(title="Sage", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    files = resources.files(__package__)
    token = secrets.token_urlsafe(32) if feed is not None else ""
    page = (files / "templates" / "live.html").read_text("utf-8").replace("FEED-TOKEN", token)
    app.mount("/static", StaticFiles(packages=[(__package__ or "", "static")]), name="static")

    if feed is not None:
        app.include_router(feed_routes(feed, Access(lambda: token), Pace()))

    @app.get("/", response_class=HTMLResponse)
    async def live() -> str:
        return page

    @app.get("/board")
    async def board() -> StreamingResponse:
        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(_boards(storage), media_type="text/event-stream", headers=headers)

    return app


async def _boards(storage: Storage) -> AsyncIterator[str]:
    """The board as Server-Sent Events: at once, and after each change."""
    board = Board(storage)
    sent = ""
    async with storage.commits.subscribe() as wakeups:
        while True:
            await board.refresh()
            text = json.dumps(board.as_json(), ensure_ascii=False)
            # A comment keeps proxies awake and finds out whether anybody still listens.
            yield f"data: {text}\n\n" if text != sent else ": still here\n\n"
            sent = text
            await wakeups.wait(_HEARTBEAT)
            await asyncio.sleep(_PAUSE)
