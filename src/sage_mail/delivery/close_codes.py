"""The codes with which a WebSocket of the live feed is closed."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CloseCode"]


class CloseCode(IntEnum):
    """Why the feed ends a connection.

    The first two are registered (RFC 6455 section 7.4.1 and IANA's registry): come back later. The
    others are our own, with the numbers of the HTTP statuses that say the same. To come back
    unchanged is of no use after `REFUSED` and `UNAUTHORIZED`.
    """

    RESTARTING = 1012
    TRY_LATER = 1013
    REFUSED = 4400
    UNAUTHORIZED = 4401
    TOO_SLOW = 4408
