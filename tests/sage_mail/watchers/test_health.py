"""Connections come and go; the account is told of once for each change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sage_mail.delivery.events import EventType
from sage_mail.watchers.health import Health

Told = asyncio.Queue[tuple[EventType, str | None]]


@asynccontextmanager
async def _running(debounce: float) -> AsyncIterator[tuple[Health, Told]]:
    told: Told = asyncio.Queue()

    async def tell(type_: EventType, reason: str | None) -> None:
        told.put_nowait((type_, reason))

    health = Health(tell, debounce=debounce)
    task = asyncio.create_task(health.run())
    try:
        yield health, told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_several_connections_are_one_account() -> None:
    """The first connection makes the account connected, further ones say nothing new."""
    async with _running(30) as (health, told):
        health.opened()
        assert await told.get() == (EventType.ACCOUNT_CONNECTED, None)
        health.opened()
        health.closed("ConnectionLost")
        await asyncio.sleep(0.01)
        assert told.empty()


async def test_short_gap_is_not_told() -> None:
    """An account that is back within the debounce was never disconnected."""
    async with _running(30) as (health, told):
        health.opened()
        await told.get()
        health.closed("ConnectionLost")
        await asyncio.sleep(0.01)
        health.opened()
        await asyncio.sleep(0.01)
        assert told.empty()


async def test_lasting_gap_is_told_with_its_reason() -> None:
    """An account without a connection for longer than the debounce is disconnected, once."""
    async with _running(0.02) as (health, told):
        health.opened()
        await told.get()
        health.closed("ConnectionLost: gone")
        health.failed("OSError: refused")
        assert await told.get() == (EventType.ACCOUNT_DISCONNECTED, "OSError: refused")
        await asyncio.sleep(0.06)
        assert told.empty()
        health.opened()
        assert await told.get() == (EventType.ACCOUNT_CONNECTED, None)


async def test_failures_do_not_put_off_the_verdict() -> None:
    """Try after try that fails, the account is told to be disconnected all the same."""
    async with _running(0.05) as (health, told):
        async with asyncio.timeout(20):
            while told.empty():
                health.failed("OSError: refused")
                await asyncio.sleep(0.01)
        assert told.get_nowait()[0] is EventType.ACCOUNT_DISCONNECTED


async def test_refused_log_in_is_told_once() -> None:
    """A refused log-in is told once until one succeeds."""
    async with _running(30) as (health, told):
        health.refused("AuthenticationFailed")
        health.refused("AuthenticationFailed")
        assert await told.get() == (EventType.ACCOUNT_AUTH_FAILED, "AuthenticationFailed")
        health.opened()
        assert await told.get() == (EventType.ACCOUNT_CONNECTED, None)
        assert told.empty()
