"""The client for everybody else."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from websockets.sync.client import ClientConnection, connect

from sage_mail.client.course import CLOSING_SECONDS, LARGEST_MESSAGE, LOST, Course, Event

__all__ = ["FeedClient"]


class FeedClient:
    """The events of a service, one after the other: ``for event in client``.

    All is as with `AsyncFeedClient`; `close` may be called from another thread.
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
        self._closed = threading.Event()

    @property
    def position(self) -> int | None:
        """The number to resume from; None before the first connection."""
        return self._course.position

    def close(self) -> None:
        """End the connection and the iteration."""
        self._closed.set()
        self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        while not self._closed.is_set():
            try:
                event = self._course.take(self._receive())
            except LOST as error:
                self._drop()
                if not self._closed.is_set():
                    self._closed.wait(self._course.lost(error))
                continue
            if event is not None:
                return event
        self._drop()
        raise StopIteration

    def _receive(self) -> str | bytes:
        if self._connection is None:
            connecting = connect(
                self._course.address,
                additional_headers=self._course.headers,
                compression=None,
                max_size=LARGEST_MESSAGE,
                close_timeout=CLOSING_SECONDS,
            )
            self._connection = connecting.__enter__()
        return self._connection.recv(self._course.patience)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
