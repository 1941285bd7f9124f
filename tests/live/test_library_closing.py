"""Closing a client while its connection is still being made."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from sage_imap import aio, services
from sage_imap.errors import ConnectionLost
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot
from tests.support.faultproxy import FaultProxy

pytestmark = [pytest.mark.live, needs_dovecot, pytest.mark.timeout(60)]


def _config(dovecot: Dovecot, user: str, port: int) -> dict[str, Any]:
    return {
        "host": "localhost",
        "port": port,
        "username": user,
        "password": PASSWORD,
        "security": "tls",
        "ssl_context": dovecot.client_context(),
        "timeout": 10,
    }


@pytest.mark.parametrize("leave", [services.IMAPClient.close, services.IMAPClient.logout])
def test_closed_while_connecting(dovecot: Dovecot, dovecot_user: str, leave: Any) -> None:
    """Another thread's close or logout during the TLS handshake is not forgotten."""
    with FaultProxy("127.0.0.1", dovecot.tls_port) as proxy:
        proxy.hold()
        client = services.IMAPClient(_config(dovecot, dovecot_user, proxy.port))
        errors: list[Exception] = []

        def connect() -> None:
            try:
                client.connect()
            except ConnectionLost as error:
                errors.append(error)

        thread = threading.Thread(target=connect)
        thread.start()
        proxy.wait_until(lambda proxy: len(proxy.held) > 0)
        leave(client)
        proxy.pass_on()
        thread.join(20)
        assert not thread.is_alive()
        assert not client.connected
        (error,) = errors
        assert "closed while it was being made" in str(error)
        with client:
            client.noop()


@pytest.mark.parametrize("leave", [aio.IMAPClient.close, aio.IMAPClient.logout])
async def test_closed_while_connecting_elsewhere(
    dovecot: Dovecot, dovecot_user: str, leave: Any
) -> None:
    """The same from another task."""
    with FaultProxy("127.0.0.1", dovecot.tls_port) as proxy:
        proxy.hold()
        client = aio.IMAPClient(_config(dovecot, dovecot_user, proxy.port))
        connecting = asyncio.ensure_future(client.connect())
        while not await asyncio.to_thread(lambda: len(proxy.held) > 0):
            await asyncio.sleep(0)
        await leave(client)
        proxy.pass_on()
        with pytest.raises(ConnectionLost, match="closed while it was being made"):
            await connecting
        assert not client.connected
        async with client:
            await client.noop()
