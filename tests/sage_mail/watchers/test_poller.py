"""Folders that are looked at by turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from sage_mail.ingest.preparing import Preparer
from sage_mail.ingest.scope import Scope
from sage_mail.pipeline import Pipeline
from sage_mail.storage import Storage
from sage_mail.watchers.poller import Poller
from tests.sage_mail.ingest.reports import known, scope_of
from tests.sage_mail.watchers.gates import gate_at
from tests.support.script_server import ScriptServer

_SCRIPT = r"""
>> * PREAUTH [CAPABILITY IMAP4rev1] hello
<< A1 LIST "" "Closed"
>> * LIST () "/" Closed\r\nA1 OK done
<< A2 STATUS "Closed" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)
>> A2 NO [NOPERM] denied
<< A3 LIST "" "INBOX"
>> * LIST () "/" INBOX\r\nA3 OK done
<< A4 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)
>> A4 NO [NOPERM] denied, too
.. silence"""


_WAVERING = r"""
>> * PREAUTH [CAPABILITY IMAP4rev1] hello
<< A1 LIST "" "Target"
>> * LIST () "/" Target\r\nA1 OK done
<< A2 STATUS "Target" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)
>> A2 NO not just now
<< A3 LIST "" "Target"
>> * LIST () "/" Target\r\nA3 OK done
.. silence"""


_GONE = r"""
>> * PREAUTH [CAPABILITY IMAP4rev1] hello
<< A1 LIST "" "Nowhere"
>> A1 OK done
<< A2 LIST "" ""
>> * LIST (\\Noselect) "/" ""\r\nA2 OK done
<< A3 LIST "" "Nowhere"
>> A3 OK done
<< A4 LIST "" "INBOX"
>> * LIST () "/" INBOX\r\nA4 OK done
.. silence"""


@asynccontextmanager
async def _polling(storage: Storage, script: str, *folders: str) -> AsyncIterator[Scope]:
    where = await known(storage)
    with ThreadPoolExecutor(1) as threads, ScriptServer(script) as server:
        scope = scope_of(storage, where, Preparer(Pipeline([]), threads))
        poller = asyncio.create_task(Poller(scope, gate_at(server.port), folders).run())
        try:
            yield scope
        finally:
            poller.cancel()
            await asyncio.gather(poller, return_exceptions=True)


async def test_a_folder_that_nobody_may_open_holds_up_no_other(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told and passed over, and what waits for a look at all does not wait for it."""
    async with _polling(storage, _SCRIPT, "Closed", "INBOX") as scope, asyncio.timeout(20):
        await scope.looks.all_since(0.0)
    assert scope.closed == dict.fromkeys(["Closed", "INBOX"], "it cannot be opened")
    assert caplog.text.count("folder_refused") == 2


async def test_a_folder_that_is_not_there_is_told(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """It counts as looked at, so that nobody waits for it, and is told as missing."""
    async with _polling(storage, _GONE, "Nowhere") as scope, asyncio.timeout(20):
        await scope.looks.all_since(0.0)
    assert scope.closed == {"Nowhere": "it does not exist"}
    assert caplog.text.count("folder_missing") == 1


async def test_a_folder_that_is_refused_for_a_moment_was_not_looked_at(storage: Storage) -> None:
    """What was moved into it would be taken for deleted."""
    async with _polling(storage, _WAVERING, "Target") as scope:
        async with asyncio.timeout(20):
            while not scope.closed:
                await asyncio.sleep(0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await scope.looks.all_since(0.0)
