"""What the running service answers over HTTP: how it is, and the live feed."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from starlette.middleware.cors import CORSMiddleware

from sage_mail.console.access import Access
from sage_mail.console.feed import Pace, feed_routes
from sage_mail.console.monitor import is_loopback, monitor_routes
from sage_mail.console.server import address_of, listen, serve_on
from sage_mail.delivery.feed import Feed
from sage_mail.errors import ConfigError
from sage_mail.monitoring import Monitor
from sage_mail.settings import FeedSettings, HttpSettings
from sage_mail.storage import Storage
from sage_mail.telemetry import get_logger

__all__ = ["HttpService", "add_feed"]

_log = get_logger(__name__)

_INDEX: Final = """\
Sage reads mail here. There are:

/healthz      whether the process is alive
/readyz       whether it does its work, and if not, why
/metrics      numbers for Prometheus
"""
_FEED: Final = """\
/feed         the events as they come, by WebSocket, for whoever has the token
/feed/events  the same by Server-Sent Events
"""
_NO_FEED: Final = "\nThe live feed is off; a token in [feed] switches it on.\n"


class HttpService:
    """The service with its own listener, which is open from `open` to the end of `run`."""

    def __init__(self, app: FastAPI, listener: socket.socket, feed: Feed | None) -> None:
        self._app = app
        self._listener = listener
        self._feed = feed

    @classmethod
    async def open(
        cls,
        storage: Storage,
        feed: FeedSettings,
        http: HttpSettings,
        monitor: Monitor | None = None,
    ) -> HttpService:
        """The service, listening; without the token of a feed it has none.

        Raises `ConfigError`: the token or the address cannot be used.
        """
        app = FastAPI(title="Sage", docs_url=None, redoc_url=None, openapi_url=None)
        followed = None
        if feed.enabled:
            await asyncio.to_thread(feed.resolve_token)
            followed = Feed(storage)
            add_feed(app, followed, feed)
        else:
            _log.info("feed_off", remedy="set token_env, token_file or token_keyring in [feed]")
        try:
            listener = listen(http.host, http.port)
        except OSError as error:
            raise ConfigError(
                f"http: cannot listen on {http.host} port {http.port}: {error.strerror}; set "
                "another http.host or http.port, end the program that listens there, or set "
                "http.enabled = false"
            ) from error
        if monitor is not None:
            if followed is not None:
                monitor.followers = lambda: followed.followers
            loopback_only = is_loopback(listener.getsockname()[0])
            app.include_router(monitor_routes(monitor, loopback_only=loopback_only))
        add_index(app, feed=feed.enabled)
        return cls(app, listener, followed)

    @property
    def address(self) -> str:
        """Where it answers."""
        return address_of(self._listener)

    def close(self) -> None:
        """Close the listener of a service that was never run."""
        self._listener.close()

    async def run(self) -> None:
        """Answer until cancelled; followers are then told to come back."""
        _log.info("http_listens", port=self._listener.getsockname()[1], feed=self._feed is not None)
        with self._listener:
            async with asyncio.TaskGroup() as group, serve_on(self._listener, self._app):
                reading = None
                if self._feed is not None:
                    reading = group.create_task(self._feed.run(), name="feed")
                try:
                    await asyncio.Event().wait()
                finally:
                    if self._feed is not None and reading is not None:
                        self._feed.close()
                        reading.cancel()


def add_index(app: FastAPI, *, feed: bool) -> None:
    """Let the application say at ``/`` what is where."""
    text = _INDEX + (_FEED if feed else _NO_FEED)

    @app.get("/", response_class=PlainTextResponse)
    async def index() -> str:
        return text


def add_feed(app: FastAPI, feed: Feed, settings: FeedSettings) -> None:
    """Let the application answer with the feed."""
    access = Access(settings.resolve_token, origins=settings.origins)
    app.include_router(feed_routes(feed, access, Pace(heartbeat=settings.heartbeat)))
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_headers=["Authorization", "Last-Event-ID"],
        )
