"""What both clients know: where to connect, how far they are, when to come back. Without any IO."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from sage_mail.delivery.close_codes import CloseCode
from sage_mail.errors import FeedRefused

__all__ = ["CLOSING_SECONDS", "LARGEST_MESSAGE", "LOST", "Course", "Event"]

# What ends a connection and is no reason to give up.
LOST: Final = (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, EOFError)
# An event holds a hundred addresses and a hundred names of files at most.
LARGEST_MESSAGE: Final = 4 * 1024 * 1024
# A service that does not take leave in this time has gone without.
CLOSING_SECONDS: Final = 1.0
_SCHEMES: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 30.0
# As long as the feed has not said how often it is to be heard from.
_FIRST_PATIENCE: Final = 30.0
_FINAL: Final = (CloseCode.REFUSED, CloseCode.UNAUTHORIZED)
# HTTP statuses of a proxy, or of a service that is just starting, after which to come back.
_PASSING: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Event:
    """One event; see the reference of events for what ``data`` holds for each ``type``."""

    sequence: int
    type: str
    timestamp: datetime
    data: Mapping[str, Any]


class Course:
    """How far a client has come, and how it goes on.

    Args:
        url: the address of the service.
        token: the token of its feed.
        since: the number of the last event that is known; None begins with what comes next.
        filters: the values wanted by the name of the filter.
    """

    def __init__(
        self, url: str, *, token: str, since: int | None, filters: Mapping[str, Iterable[str]]
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.netloc:
            raise ValueError("url is the address of the service: http://host:port or https://host")
        self._base = f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/')}/feed"
        self._filters = [
            (name, value)
            for name, values in filters.items()
            for value in ((values,) if isinstance(values, str) else values)
        ]
        self.headers = {"Authorization": f"Bearer {token}"}
        self.position = since
        self.patience = _FIRST_PATIENCE
        self._pause = _FIRST_PAUSE

    @property
    def address(self) -> str:
        """Where to connect now."""
        since = [] if self.position is None else [("since", str(self.position))]
        query = urlencode(self._filters + since)
        return f"{self._base}?{query}" if query else self._base

    def take(self, message: str | bytes) -> Event | None:
        """The event in the message; None where the feed speaks of itself alone."""
        said = json.loads(message)
        sequence: int = said["sequence"]
        if said["type"].startswith("feed."):
            # Only one who was let in begins his pauses anew.
            self._pause = _FIRST_PAUSE
            self.patience = 2.5 * said["data"]["heartbeat"] + 1.0
            self.position = sequence
            return None
        if self.position is not None and sequence <= self.position:
            return None
        self.position = sequence
        return Event(
            sequence, said["type"], datetime.fromisoformat(said["timestamp"]), said["data"]
        )

    def lost(self, error: Exception) -> float:
        """The seconds to wait before the next attempt, after one of the errors of `LOST`.

        Raises:
            FeedRefused: another attempt would end in the same way.
        """
        close = error.rcvd if isinstance(error, ConnectionClosed) else None
        if close is not None and close.code in _FINAL:
            raise FeedRefused(close.reason) from error
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            if 300 <= status < 500 and status not in _PASSING:
                raise FeedRefused(f"there is no feed at this address: HTTP {status}") from error
        pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads those who come back
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return pause
