"""Who may follow the feed: whoever has the token, and of web pages those that are named.

A program sends ``Authorization: Bearer TOKEN``. A browser cannot, so a WebSocket may offer the
subprotocol ``sage.bearer.BASE64URL`` beside ``sage.feed``, and either kind of stream takes
``?token=TOKEN``, which belongs into no address that is kept or shown.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import time
from collections.abc import Callable, Iterable
from typing import Final

from starlette.requests import HTTPConnection

from sage_mail.errors import ConfigError
from sage_mail.telemetry import get_logger

__all__ = ["SUBPROTOCOL", "Access"]

_log = get_logger(__name__)

SUBPROTOCOL: Final = "sage.feed"
_BEARER: Final = "sage.bearer."
_MOST_SUBPROTOCOLS: Final = 10
# A rotated token counts after this long; a thousand clients that come back ask the place once.
_KEPT_SECONDS: Final = 10.0


class Access:
    """The check of token and origin.

    Args:
        token: reads the token from its place; it may take its time and raise `ConfigError`.
        origins: the origins of web pages that may come from elsewhere.
    """

    def __init__(self, token: Callable[[], str], *, origins: Iterable[str] = ()) -> None:
        self._read = token
        self._origins = frozenset(origins)
        self._known = b""
        self._until = 0.0
        self._reading = asyncio.Lock()

    async def admits(self, connection: HTTPConnection) -> bool:
        """True if the connection carries the token."""
        known = await self._token()
        # Every candidate is compared, and each in constant time.
        right = [hmac.compare_digest(each, known) for each in _presented(connection)]
        return bool(known) and any(right)

    def welcomes(self, connection: HTTPConnection) -> bool:
        """True if no web page speaks, or one of our own, or one that is named."""
        origin = connection.headers.get("origin")
        if origin is None or origin.lower() in self._origins:
            return True
        own = connection.headers.get("host", "")
        return bool(own) and origin.partition("://")[2].lower() == own.lower()

    async def _token(self) -> bytes:
        async with self._reading:
            if time.monotonic() >= self._until:
                await self._renew()
        return self._known

    async def _renew(self) -> None:
        try:
            # In a thread, because a keyring may ask its daemon.
            self._known = (await asyncio.to_thread(self._read)).encode()
        except ConfigError as error:
            # The last one does not go on to count: it may just have been withdrawn.
            self._known = b""
            _log.error("feed_token_unreadable", error=str(error))
        self._until = time.monotonic() + _KEPT_SECONDS


def _presented(connection: HTTPConnection) -> list[bytes]:
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    found = [value.strip()] if scheme.lower() == "bearer" else []
    found += connection.query_params.getlist("token")[:1]
    tokens = [text.encode() for text in found]
    offered = connection.scope.get("subprotocols", ())[:_MOST_SUBPROTOCOLS]
    tokens += [_decoded(name.removeprefix(_BEARER)) for name in offered if name.startswith(_BEARER)]
    return tokens


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
