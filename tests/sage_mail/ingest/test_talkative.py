"""Servers that have always something to tell hold nobody up."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sage_imap.aio import IMAPClient
from sage_mail.ingest.preparing import Preparer
from sage_mail.ingest.resync import Resync
from sage_mail.pipeline import Pipeline
from sage_mail.storage import Storage
from tests.sage_mail.ingest.reports import known, scope_of, uids
from tests.sage_mail.ingest.talkative import Talkative

_MOST_COMMANDS = 30


@pytest.mark.parametrize("news", ["* 1 EXISTS", "* XGARBAGE ((", "* 1 FETCH (FLAGS (\\Seen))"])
async def test_news_at_each_command(storage: Storage, news: str) -> None:
    """A comparison ends, finds nothing, and leaves in doubt what was told last."""
    where = await known(storage)
    with ThreadPoolExecutor(1) as threads:
        resync = Resync(scope_of(storage, where, Preparer(Pipeline([]), threads)), "INBOX")
        async with Talkative(news).open() as server, IMAPClient(server.config) as client:
            await client.select("INBOX")
            await resync.whole(client)
            assert resync.in_doubt
            assert not await resync.news(client, detected=time.monotonic())
            assert resync.in_doubt
        assert server.commands.total() < 2 * _MOST_COMMANDS
    assert await uids(storage, where) == ([1], [])


async def test_mail_that_keeps_coming(storage: Storage) -> None:
    """What has come is taken in, and what comes meanwhile waits until the caller had his turn."""
    where = await known(storage)
    with ThreadPoolExecutor(1) as threads:
        resync = Resync(scope_of(storage, where, Preparer(Pipeline([]), threads)), "INBOX")
        async with Talkative(growing=True).open() as server, IMAPClient(server.config) as client:
            await client.select("INBOX")
            await resync.whole(client)
            assert resync.mail_waits
            before, _ = await uids(storage, where)
            assert await resync.news(client, detected=time.monotonic())
            assert resync.mail_waits
    after, missing = await uids(storage, where)
    assert len(after) > len(before) > 1
    assert missing == []
