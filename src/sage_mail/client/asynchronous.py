"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection, connect

from sage_mail.client.course import CLOSING_SECONDS, LARGEST_MESSAGE, LOST, Course, Event

__all__ = ["AsyncFeedClient"]


class AsyncFeedClient:
    """The events of a service, one after the other: ``async for event in client``.

    A connection that is lost or silent is made anew, with growing pauses up to half a minute, and
    goes on behind the last event. The iteration ends only by `close`, and by `FeedRefused` where
    the service says that the token, a filter or *since* is wrong.

    Args:
        url: the address of the service, ``http://host:port`` or ``https://host``.
        token: the token of its feed.
        since: the number of the last event that is known; None begins with what comes next, zero
            with the oldest.
        types, accounts, folders, categories: what is wanted of each; nothing means all.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str,
        since: int | None = None,
        types: Iterable[str] = (),
        accounts: Iterable[str] = (),
        folders: Iterable[str] = (),
        categories: Iterable[str] = (),
    ) -> None:
        filters = {"type": types, "account": accounts, "folder": folders, "category": categories}
        self._course = Course(url, token=token, since=since, filters=filters)
        self._connection: ClientConnection | None = None
        self._closed = asyncio.Event()

    @property
    def position(self) -> int | None:
        """The number to resume from; None before the first connection."""
        return self._course.position

    async def close(self) -> None:
        """End the connection and the iteration."""
        self._closed.set()
        await self._drop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._closed.is_set():
            try:
                event = self._course.take(await self._receive())
            except LOST as error:
                await self._drop()
                if not self._closed.is_set():
                    await self._rest(self._course.lost(error))
                continue
            if event is not None:
                return event
        await self._drop()
        raise StopAsyncIteration

    async def _receive(self) -> str | bytes:
        if self._connection is None:
            self._connection = await connect(
                self._course.address,
                additional_headers=self._course.headers,
                compression=None,
                max_size=LARGEST_MESSAGE,
                close_timeout=CLOSING_SECONDS,
            )
        async with asyncio.timeout(self._course.patience):
            return await self._connection.recv()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
