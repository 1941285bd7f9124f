"""The mailbox service of both shells hands on what it is given."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from sage_imap import aio, services
from sage_imap.config import IMAPConfig
from sage_imap.protocol.sets import UIDSet
from tests.support.script_server import HELLO, ScriptServer
from tests.support.shells import SHELLS, connected

SCRIPT = rf"""
>> {HELLO}
<< A1 LOGIN "ann" "pw"
>> A1 OK [CAPABILITY IMAP4rev1 LITERAL+ UIDPLUS] in
<< A2 APPEND "Sent" (\\Seen) "17-Jul-2026 02:44:25 +0000" {{4+}}\r\na: b
>> A2 OK [APPENDUID 7 12] done
<< A3 STATUS "Sent" (UNSEEN)
>> * STATUS Sent (UNSEEN 5)
>> A3 OK done
.. silence
"""


@pytest.mark.parametrize("shell", SHELLS)
async def test_append_and_status(shell: str) -> None:
    """A date goes along with a message, and the counters are those that were asked for."""
    with ScriptServer(SCRIPT) as server:
        config = IMAPConfig(
            host="127.0.0.1", port=server.port, security="plain", username="ann", password="pw"
        )
        async with connected(shell, config) as client:
            service: Any = (
                aio.IMAPMailboxUIDService(client)
                if shell == "asyncio"
                else services.IMAPMailboxUIDService(client._blocking)
            )
            day = datetime(2026, 7, 17, 2, 44, 25, tzinfo=UTC)
            added = await _call(service.append, "Sent", b"a: b", flags="\\Seen", date=day)
            told = await _call(service.status, "Sent", "UNSEEN")
    assert (added.messages, added.successful_messages) == (UIDSet.of([12]), 1)
    assert (told.value.unseen, told.value.messages) == (5, None)


async def _call(method: Any, *args: Any, **kwargs: Any) -> Any:
    if asyncio.iscoroutinefunction(method):
        return await method(*args, **kwargs)
    return await asyncio.to_thread(method, *args, **kwargs)
