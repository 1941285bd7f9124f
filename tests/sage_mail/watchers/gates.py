"""The door of an account whose server is a test's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from sage_imap.aio import IMAPClient
from sage_mail.watchers.gate import Gate
from sage_mail.watchers.health import Health

__all__ = ["gate_at", "gate_to"]


def gate_to(config: Mapping[str, object]) -> Gate:
    """A gate whose connections are made with this configuration, and which nobody is told of."""

    async def connect() -> IMAPClient:
        client = IMAPClient(config)
        await client.connect()
        return client

    return Gate("office", connect, Health(lambda _type, _reason: asyncio.sleep(0)))


def gate_at(port: int) -> Gate:
    """The same, to a port of this machine."""
    return gate_to({"host": "127.0.0.1", "port": port, "security": "plain"})
