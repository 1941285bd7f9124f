"""One door for all connections of an account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sage_imap.aio import IMAPClient
from sage_imap.errors import AuthenticationFailed, ConnectionLost
from sage_mail.delivery.events import EventType
from sage_mail.ingest.scope import CriticalSections
from sage_mail.metrics import Metrics
from sage_mail.watchers.gate import Gate
from sage_mail.watchers.health import Health
from sage_mail.watchers.supervision import NotConnected
from tests.support.script_server import ScriptServer

_SCRIPT = ">> * PREAUTH [CAPABILITY IMAP4rev1] hello\n.. silence"


async def _tell(_type: EventType, _reason: str | None) -> None:
    return None


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

    with pytest.raises(NotConnected, match="ConnectionRefusedError"):
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
    with pytest.raises(NotConnected, match="AuthenticationFailed"):
        async with gate.connection():
            raise AssertionError
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5), gate.connection():
            raise AssertionError
    assert tries == 1


async def test_lost_connection_is_told_and_closed() -> None:
    """What happens inside the block reaches the caller; the door stays open."""
    health = Health(_tell)
    with ScriptServer(_SCRIPT) as server:
        gate = Gate("work", _connecting(server.port), health)
        with pytest.raises(ConnectionLost):
            async with gate.connection():
                raise ConnectionLost("gone")
        assert health.reason == "ConnectionLost: gone"
        async with asyncio.timeout(20), gate.connection() as client:
            assert client.connected


async def test_connections_and_quirks_are_counted() -> None:
    """A connection counts while it is open, and what it meets once, also while it still is."""
    metrics = Metrics()

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"sage_mail_{name}", {"account": "work", **labels})

    with ScriptServer(_SCRIPT) as server:
        gate = Gate("work", _connecting(server.port), Health(_tell), metrics)
        async with gate.connection() as client:
            assert value("connections", state="open") == 1
            client.quirks.tolerate("quirk_bare_lf")
            metrics.take_over_quirks()
            metrics.take_over_quirks()
            assert value("quirks_total", quirk="quirk_bare_lf") == 1
            client.quirks.tolerate("quirk_bare_lf")
    assert value("quirks_total", quirk="quirk_bare_lf") == 2
    assert [value("connections", state=s) for s in ("waiting", "connecting", "open")] == [0, 0, 0]


async def test_connection_outlasts_a_section() -> None:
    """Whoever is cancelled during a critical section closes its connection only after that."""
    sections, begun, go = CriticalSections(), asyncio.Event(), asyncio.Event()
    connected: list[bool] = []

    async def work(client: IMAPClient) -> None:
        begun.set()
        await go.wait()
        connected.append(client.connected)

    async def serve(gate: Gate) -> None:
        async with gate.connection() as client:
            await sections.run(work(client))

    with ScriptServer(_SCRIPT) as server:
        task = asyncio.create_task(serve(Gate("work", _connecting(server.port), Health(_tell))))
        await begun.wait()
        task.cancel()
        await asyncio.wait([task], timeout=0.02)
        go.set()
        await sections.finish(5.0)
        with pytest.raises(asyncio.CancelledError):
            await task
    assert connected == [True]


def _connecting(port: int) -> Callable[[], Awaitable[IMAPClient]]:
    async def connect() -> IMAPClient:
        client = IMAPClient({"host": "127.0.0.1", "port": port, "security": "plain"})
        await client.connect()
        return client

    return connect
