"""Folders that are looked at by turns."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from sage_imap.aio import IMAPClient
from sage_mail.ingest.preparing import Preparer
from sage_mail.pipeline import Pipeline
from sage_mail.storage import Storage
from sage_mail.watchers.gate import Gate
from sage_mail.watchers.health import Health
from sage_mail.watchers.poller import Poller
from tests.sage_mail.ingest.reports import known, scope_of
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


async def test_a_folder_that_nobody_may_open_holds_up_no_other(storage: Storage) -> None:
    """It is told and passed over, and what waits for a look at all does not wait for it."""
    where = await known(storage)
    with ThreadPoolExecutor(1) as threads, ScriptServer(_SCRIPT) as server:
        scope = scope_of(storage, where, Preparer(Pipeline([]), threads))

        async def connect() -> IMAPClient:
            client = IMAPClient({"host": "127.0.0.1", "port": server.port, "security": "plain"})
            await client.connect()
            return client

        gate = Gate("office", connect, Health(lambda _type, _reason: asyncio.sleep(0)))
        poller = asyncio.create_task(Poller(scope, gate, ["Closed", "INBOX"]).run())
        async with asyncio.timeout(5):
            await scope.looks.all_since(0.0)
        poller.cancel()
        await asyncio.gather(poller, return_exceptions=True)
