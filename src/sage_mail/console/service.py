"""What the running service answers over HTTP: the live feed, to those who have its token."""

from __future__ import annotations

import asyncio
import socket

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from sage_mail.console.access import Access
from sage_mail.console.feed import Pace, feed_routes
from sage_mail.console.server import address_of, listen, serve_on
from sage_mail.delivery.feed import Feed
from sage_mail.errors import ConfigError
from sage_mail.settings import FeedSettings, HttpSettings
from sage_mail.storage import Storage
from sage_mail.telemetry import get_logger

__all__ = ["FeedService", "feed_app"]

_log = get_logger(__name__)


class FeedService:
    """The feed with its own listener, which is open from `open` to the end of `run`."""

    def __init__(self, storage: Storage, settings: FeedSettings, listener: socket.socket) -> None:
        self._feed = Feed(storage)
        self._app = feed_app(self._feed, settings)
        self._listener = listener

    @classmethod
    async def open(cls, storage: Storage, feed: FeedSettings, http: HttpSettings) -> FeedService:
        """The service, listening. Raises `ConfigError`: the token or the address cannot be used."""
        await asyncio.to_thread(feed.resolve_token)
        try:
            listener = listen(http.host, http.port)
        except OSError as error:
            raise ConfigError(
                f"http: cannot listen on {http.host} port {http.port}: {error.strerror}; "
                "set another http.host or http.port, or end the program that listens there"
            ) from error
        return cls(storage, feed, listener)

    @property
    def address(self) -> str:
        """Where it answers."""
        return address_of(self._listener)

    def close(self) -> None:
        """Close the listener of a service that was never run."""
        self._listener.close()

    async def run(self) -> None:
        """Answer until cancelled; followers are then told to come back."""
        _log.info("feed_listens", port=self._listener.getsockname()[1])
        with self._listener:
            async with asyncio.TaskGroup() as group, serve_on(self._listener, self._app):
                reading = group.create_task(self._feed.run(), name="feed")
                try:
                    await asyncio.Event().wait()
                finally:
                    self._feed.close()
                    reading.cancel()


def feed_app(feed: Feed, settings: FeedSettings) -> FastAPI:
    """The application with the feed alone."""
    app = FastAPI(title="Sage", docs_url=None, redoc_url=None, openapi_url=None)
    access = Access(settings.resolve_token, origins=settings.origins)
    app.include_router(feed_routes(feed, access, Pace(heartbeat=settings.heartbeat)))
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_headers=["Authorization", "Last-Event-ID"],
        )
    return app
