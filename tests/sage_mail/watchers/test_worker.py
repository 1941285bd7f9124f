"""Who waits for the list of unknown mail."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from sage_imap.aio import IMAPClient
from sage_imap.errors import ConnectionLost
from sage_mail.ingest.census import Census
from sage_mail.ingest.preparing import Preparer
from sage_mail.pipeline import Pipeline
from sage_mail.storage import Storage
from sage_mail.watchers.gate import Gate
from sage_mail.watchers.health import Health
from sage_mail.watchers.supervision import NotConnected
from sage_mail.watchers.worker import CensusTaker
from tests.sage_mail.ingest.reports import known, scope_of
from tests.sage_mail.watchers.gates import gate_at
from tests.support.script_server import ScriptServer

_SCRIPT = ">> * PREAUTH [CAPABILITY IMAP4rev1] hello\n.. silence"


async def test_a_list_for_which_there_is_no_connection(storage: Storage) -> None:
    """Whoever waits for it goes on after some tries, and it is made when there is one."""
    where = await known(storage)

    async def connect() -> IMAPClient:
        raise ConnectionLost("too many connections")

    with ThreadPoolExecutor(1) as threads:
        scope = scope_of(storage, where, Preparer(Pipeline([]), threads))
        gate = Gate("office", connect, Health(lambda _type, _reason: asyncio.sleep(0)))
        taker = CensusTaker(scope, gate)
        scope.unknown_in.put_nowait("INBOX")
        waiting = asyncio.create_task(scope.unknown_in.join())
        async with asyncio.timeout(60):
            for _ in range(3):
                scope.unknown_in.put_nowait("Other")
                assert not waiting.done()
                with pytest.raises(NotConnected):
                    await taker.run()
            await waiting
    assert sorted(taker._names) == ["INBOX", "Other"]


async def test_a_list_that_cannot_be_made(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again, the others first, and whoever waits for it goes on after some tries."""
    tried: list[str] = []

    async def take(_self: Census, _client: IMAPClient, name: str) -> int:
        tried.append(name)
        if name == "Bad":
            raise ConnectionLost("gone")
        return 0

    monkeypatch.setattr(Census, "take", take)
    where = await known(storage)
    with ThreadPoolExecutor(1) as threads, ScriptServer(_SCRIPT) as server:
        scope = scope_of(storage, where, Preparer(Pipeline([]), threads))
        taker = CensusTaker(scope, gate_at(server.port))
        for name in ("Good", "Bad", "Bad", "Other"):
            scope.unknown_in.put_nowait(name)
        waiting = asyncio.create_task(scope.unknown_in.join())
        for _ in range(3):
            assert not waiting.done()
            with pytest.raises(ConnectionLost):
                await taker.run()
        async with asyncio.timeout(20):
            await waiting
    assert tried == ["Good", "Bad", "Other", "Bad", "Bad"]
