"""One door for all connections of an account."""

from __future__ import annotations

import asyncio

import pytest

from sage_imap.aio import IMAPClient
from sage_imap.errors import AuthenticationFailed, ConnectionLost
from sage_mail.delivery.events import EventType
from sage_mail.watchers.gate import Gate
from sage_mail.watchers.health import Health


async def _tell(_type: EventType, _reason: str | None) -> None:
    return None


def _client() -> IMAPClient:
    return IMAPClient({"host": "localhost"})


async def test_failure_shuts_the_door_for_all() -> None:
    """After a refused connection nobody tries again until the pause is over."""
    tries = 0

    async def refuse() -> IMAPClient:
        nonlocal tries
        tries += 1
        raise ConnectionRefusedError

    gate = Gate("work", refuse, Health(_tell))

    async def come() -> None:
        async with gate.connection():
            raise AssertionError

    with pytest.raises(ConnectionRefusedError):
        await come()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.gather(come(), come(), return_exceptions=False)
    assert tries == 1


async def test_refused_credentials_shut_it_for_long() -> None:
    """A refused password is not tried again for half a minute at least, and told once."""
    health = Health(_tell)
    tries = 0

    async def refuse() -> IMAPClient:
        nonlocal tries
        tries += 1
        raise AuthenticationFailed("NO", "AUTHENTICATIONFAILED")

    gate = Gate("work", refuse, health)
    with pytest.raises(AuthenticationFailed):
        async with gate.connection():
            raise AssertionError
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5), gate.connection():
            raise AssertionError
    assert tries == 1


async def test_lost_connection_is_told_and_closed() -> None:
    """What happens inside the block reaches the caller; the door stays open."""
    health = Health(_tell)

    async def connect() -> IMAPClient:
        return _client()

    gate = Gate("work", connect, health)
    with pytest.raises(ConnectionLost):
        async with gate.connection():
            raise ConnectionLost("gone")
    async with asyncio.timeout(1), gate.connection() as client:
        assert not client.connected
