"""A folder in IDLE, with servers that always have something to tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from sage_mail.ingest.preparing import Preparer
from sage_mail.ingest.scope import Scope
from sage_mail.pipeline import Pipeline
from sage_mail.storage import Storage
from sage_mail.watchers import folder as folder_module
from sage_mail.watchers.folder import FolderWatcher, next_pause
from tests.sage_mail.ingest.reports import known, scope_of
from tests.sage_mail.ingest.talkative import Talkative
from tests.sage_mail.watchers.gates import gate_to
from tests.support.script_server import ScriptServer

_GONE = r"""
>> * PREAUTH [CAPABILITY IMAP4rev1] hello
<< A1 LIST "" "Archive"
>> A1 OK done
<< A2 LIST "" ""
>> * LIST (\\Noselect) "/" ""\r\nA2 OK done
<< A3 LIST "" "Archive"
>> A3 OK done
<< A4 LIST "" "INBOX"
>> * LIST () "/" INBOX\r\nA4 OK done
<< A5 LIST "" "Archive"
>> * LIST () "/" Archive\r\nA5 OK done
<< A6 SELECT "Archive"
>> A6 NO [NOPERM] denied
.. silence"""


@asynccontextmanager
async def _watching(
    storage: Storage, config: Mapping[str, object], folder: str = "INBOX"
) -> AsyncIterator[Scope]:
    """A watcher of a folder; it must not end by itself."""
    where = await known(storage)
    with ThreadPoolExecutor(1) as threads:
        scope = scope_of(storage, where, Preparer(Pipeline([]), threads))
        task = asyncio.create_task(FolderWatcher(scope, gate_to(config), folder).run())
        try:
            yield scope
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _idles(server: Talkative, count: int) -> float:
    """When that many IDLE have been begun."""
    while server.commands["IDLE"] < count:
        server.idled.clear()
        await server.idled.wait()
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("news", ["* 1 EXISTS", "* XGARBAGE (("])
async def test_news_at_each_idle(storage: Storage, news: str) -> None:
    """A server that greets each IDLE with news that are none is asked with pauses between."""
    async with Talkative(news).open() as server, _watching(storage, server.config) as scope:
        async with asyncio.timeout(20):
            second = await _idles(server, 2)
            third = await _idles(server, 3)
            assert third - second > 0.9
            await scope.looks.all_since(asyncio.get_running_loop().time())
    assert server.commands.total() < 150


async def test_mail_between_news_that_are_none(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail waits for no pause, however long."""
    resting = asyncio.Event()

    def rest(*_: object, **__: object) -> float:
        resting.set()
        return 60.0

    monkeypatch.setattr(folder_module, "next_pause", rest)
    async with (
        Talkative("* XGARBAGE ((").open() as server,
        _watching(storage, server.config),
        asyncio.timeout(20),
        storage.commits.subscribe() as wakeups,
    ):
        await resting.wait()
        await _idles(server, server.commands["IDLE"] + 1)
        server.deliver()
        while await _stored(storage) < 2:
            await wakeups.wait()


async def _stored(storage: Storage) -> int:
    async with storage.read() as uow:
        return len(await uow.messages.latest(10))


async def test_mail_that_keeps_coming(storage: Storage) -> None:
    """A steady stream of mail puts off no look that somebody wishes for."""
    async with Talkative(growing=True).open() as server, _watching(storage, server.config) as scope:
        async with asyncio.timeout(10):
            for _ in range(3):
                await scope.looks.all_since(asyncio.get_running_loop().time())
        assert server.commands["SELECT"] >= 3


async def test_a_folder_that_cannot_be_looked_at(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told when it is missing, and when it may not be opened; nobody waits for it."""
    with ScriptServer(_GONE) as server:
        config = {"host": "127.0.0.1", "port": server.port, "security": "plain"}
        async with asyncio.timeout(20), _watching(storage, config, "Archive") as scope:
            await scope.looks.all_since(0.0)
            assert scope.closed == {"Archive": "it does not exist"}
            await scope.looks.all_since(asyncio.get_running_loop().time())
            assert scope.closed == {"Archive": "it cannot be opened"}
    assert caplog.text.count("folder_missing") == caplog.text.count("folder_refused") == 1


def test_pauses() -> None:
    """They grow while a server tells of nothing, and are over when it tells of something."""
    pauses = [0.0]
    for _ in range(7):
        pauses.append(next_pause(pauses[-1], waited=pauses[-1], changed=False))
    assert pauses == [0, 1, 2, 4, 8, 16, 30, 30]
    assert next_pause(30, waited=30, changed=True) == 0
    assert next_pause(30, waited=70, changed=False) == 1
