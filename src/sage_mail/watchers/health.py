"""Whether an account is connected, told once for each change.

Connections of an account come and go; receivers want to hear of the account. It is connected from
its first live connection on, and disconnected when it has had none for some seconds. A log-in that
is refused is told once, until one succeeds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

from sage_mail.delivery.events import EventType

__all__ = ["DEBOUNCE", "Health"]

# A server that restarts is back within a few seconds; nobody needs to be told of that.
DEBOUNCE = 10.0

State = Literal["unknown", "connected", "disconnected", "auth_failed"]
_EVENTS = {
    "connected": EventType.ACCOUNT_CONNECTED,
    "disconnected": EventType.ACCOUNT_DISCONNECTED,
    "auth_failed": EventType.ACCOUNT_AUTH_FAILED,
}


class Health:
    """The state of one account.

    ``tell`` is awaited for each change with the event's type and, for the bad ones, the reason (a
    text without secrets). ``debounce`` is in seconds.
    """

    def __init__(
        self,
        tell: Callable[[EventType, str | None], Awaitable[None]],
        *,
        debounce: float = DEBOUNCE,
    ) -> None:
        self._tell = tell
        self._debounce = debounce
        self._live = 0
        self._reason: str | None = None
        self._changed = asyncio.Event()
        self._auth_failed = False
        self.state: State = "unknown"

    @property
    def reason(self) -> str | None:
        """What went wrong last, as far as anything did."""
        return self._reason

    def opened(self) -> None:
        """A connection has been logged in."""
        self._live += 1
        self._auth_failed = False
        self._changed.set()

    def closed(self, reason: str) -> None:
        """A connection that was logged in has ended, whoever ended it."""
        self._live -= 1
        self._reason = reason
        self._changed.set()

    def failed(self, reason: str) -> None:
        """No connection could be made."""
        self._reason = reason
        self._changed.set()

    def refused(self, reason: str) -> None:
        """The server has refused the credentials."""
        self._reason = reason
        self._auth_failed = True
        self._changed.set()

    async def run(self) -> None:
        """Tell each change until cancelled."""
        loop = asyncio.get_running_loop()
        dark_since: float | None = None
        await self._settle(expired=False)
        while True:
            # Tries that fail meanwhile must not put off the verdict, so the time counts from when
            # the last connection went.
            if self._live or self.state not in ("unknown", "connected"):
                dark_since = None
            elif dark_since is None:
                dark_since = loop.time()
            until = None if dark_since is None else dark_since + self._debounce
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._changed.wait()
            self._changed.clear()
            await self._settle(expired=until is not None and loop.time() >= until)

    async def _settle(self, *, expired: bool) -> None:
        if self._live:
            await self._become("connected")
        elif self._auth_failed:
            await self._become("auth_failed")
        elif expired:
            await self._become("disconnected")

    async def _become(self, state: State) -> None:
        if state == self.state:
            return
        await self._tell(_EVENTS[state], None if state == "connected" else self._reason)
        # Only now: if telling failed, it is tried again.
        self.state = state
