"""What the asyncio driver promises where event loops meet one connection."""

from __future__ import annotations

import asyncio

import pytest

from sage_imap.aio import IMAPClient
from sage_imap.config import IMAPConfig
from sage_imap.errors import LocalProtocolError
from tests.support.script_server import HELLO, ScriptServer
from tests.support.shells import connected

SCRIPT = (
    f'>> {HELLO}\n<< A1 LOGIN "ann" "pw"\n>> A1 OK [CAPABILITY IMAP4rev1] in\n'
    "<< A2 NOOP\n>> A2 OK done\n.. silence"
)


def _config(server: ScriptServer) -> IMAPConfig:
    return IMAPConfig(
        host="127.0.0.1", port=server.port, security="plain", username="ann", password="pw"
    )


async def test_another_event_loop() -> None:
    """A connection is refused to a loop that would never hear of its answers."""
    with ScriptServer(SCRIPT) as server:
        async with connected("asyncio", _config(server)) as client:
            with pytest.raises(LocalProtocolError, match="another event loop"):
                await asyncio.to_thread(lambda: asyncio.run(client.noop()))
            await client.noop()


def test_one_loop_after_another() -> None:
    """A client that was closed may connect anew in the next loop."""

    async def session() -> None:
        async with client:
            await asyncio.gather(client.noop())

    with ScriptServer(SCRIPT) as server:
        client = IMAPClient(_config(server))
        asyncio.run(session())
        asyncio.run(session())
