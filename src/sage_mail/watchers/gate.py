"""The one door through which all connections of an account are made.

Several watchers share an account. If each retried on its own, a server that is down or that refuses
the password would be asked by all of them. Here one tries at a time, and a failure keeps the door
shut for all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sage_imap.aio import IMAPClient
from sage_imap.errors import AuthenticationFailed, IMAPError
from sage_mail.errors import SecretUnavailable
from sage_mail.metrics import Metrics
from sage_mail.telemetry import get_logger
from sage_mail.watchers.backoff import Backoff
from sage_mail.watchers.health import Health
from sage_mail.watchers.supervision import NotConnected

__all__ = ["Gate"]

_log = get_logger(__name__)

# Credentials do not mend themselves, and providers lock accounts that keep trying.
_AUTH_FIRST, _AUTH_LONGEST = 60.0, 3600.0


class Gate:
    """Makes logged-in connections of one account, one at a time and not too often.

    ``connect`` opens one; ``health`` is told how it goes, ``metrics`` how many there are.
    """

    def __init__(
        self,
        account: str,
        connect: Callable[[], Awaitable[IMAPClient]],
        health: Health,
        metrics: Metrics | None = None,
    ) -> None:
        self._account = account
        self._connect = connect
        self._health = health
        self._metrics = metrics or Metrics()
        self._turn = asyncio.Lock()
        self._not_before = 0.0
        self._backoff = Backoff()
        self._auth_backoff = Backoff(first=_AUTH_FIRST, longest=_AUTH_LONGEST)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[IMAPClient]:
        """A connection for the block; it is closed at its end.

        Waits as long as the door is shut. Raises `NotConnected` where none can be made; the caller
        may come again at once, since the door makes it wait.
        """
        with self._metrics.connection(self._account, "waiting"):
            await self._turn.acquire()
        try:
            client = await self._enter()
        finally:
            self._turn.release()
        self._health.opened()
        reason = "closed"
        try:
            with (
                self._metrics.connection(self._account, "open"),
                self._metrics.watching_quirks(self._account, client.quirks.seen),
            ):
                yield client
        except (IMAPError, OSError) as error:
            reason = _reason(error)
            raise
        finally:
            self._health.closed(reason)
            await client.close()

    async def _enter(self) -> IMAPClient:
        """A connection, as soon as the door is open; it is our turn."""
        with self._metrics.connection(self._account, "waiting"):
            await _sleep_until(self._not_before)
        with self._metrics.connection(self._account, "connecting"):
            return await self._try()

    async def _try(self) -> IMAPClient:
        try:
            client = await self._connect()
        except (AuthenticationFailed, SecretUnavailable) as error:
            # RFC 5530: UNAVAILABLE and its kin are no verdict on the credentials.
            if isinstance(error, AuthenticationFailed) and error.retryable:
                self._shut(error, self._backoff.failed(at_least=error.retry_after or 0.0))
            else:
                self._health.refused(_reason(error))
                self._shut(error, self._auth_backoff.failed())
            raise NotConnected(_reason(error)) from error
        except (IMAPError, OSError) as error:
            asked = getattr(error, "retry_after", None) or 0.0
            self._health.failed(_reason(error))
            self._shut(error, self._backoff.failed(at_least=asked))
            raise NotConnected(_reason(error)) from error
        self._backoff.succeeded()
        self._auth_backoff.succeeded()
        return client

    def _shut(self, error: Exception, pause: float) -> None:
        self._not_before = asyncio.get_running_loop().time() + pause
        _log.warning(
            "connect_failed",
            account=self._account,
            error=type(error).__name__,
            reason=_reason(error),
            retry_in=round(pause, 1),
        )


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


async def _sleep_until(moment: float) -> None:
    pause = moment - asyncio.get_running_loop().time()
    if pause > 0:
        await asyncio.sleep(pause)
