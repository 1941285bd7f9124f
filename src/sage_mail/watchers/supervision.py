"""Tasks that are to run as long as the process does, whatever happens to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sage_imap.errors import IMAPError
from sage_mail.errors import SageMailError
from sage_mail.telemetry import get_logger
from sage_mail.watchers.backoff import Backoff

__all__ = ["NotConnected", "supervise"]

_log = get_logger(__name__)

# Who has worked for this long before failing is not in a loop of failures.
_SETTLED_SECONDS = 60.0


class NotConnected(SageMailError):
    """No connection could be made, which has been logged; the cause says why."""


async def supervise(
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    account: str,
    backoff: Backoff | None = None,
) -> None:
    """Run the work again and again until cancelled, with growing pauses while it fails.

    What is expected to fail (a connection, the database) is logged in a line; anything else is a
    bug of ours and logged with its traceback. `NotConnected` is not logged again. None of them ends
    anything but the work itself.
    """
    pauses = backoff or Backoff()
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        pause = 0.0
        try:
            await work()
        except (IMAPError, SageMailError, OSError) as error:
            if loop.time() - began > _SETTLED_SECONDS:
                pauses.succeeded()
            pause = pauses.failed()
            if not isinstance(error, NotConnected):
                _log.warning(
                    "task_failed",
                    account=account,
                    task=name,
                    error=type(error).__name__,
                    reason=str(error),
                    retry_in=round(pause, 1),
                )
        except Exception as error:  # noqa: BLE001 - the edge: a bug here must not end the other tasks
            pause = pauses.failed()
            _log.error(
                "task_crashed",
                account=account,
                task=name,
                error=type(error).__name__,
                retry_in=round(pause, 1),
                exc_info=True,
            )
        await asyncio.sleep(pause)
