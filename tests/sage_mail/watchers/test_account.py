"""One account as a whole."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from sage_mail.ingest.preparing import Preparer
from sage_mail.pipeline import Pipeline
from sage_mail.records import AccountState
from sage_mail.settings import AccountSettings
from sage_mail.storage import Storage
from sage_mail.watchers.account import AccountWatcher
from tests.sage_mail.ingest.reports import known, scope_of
from tests.support.script_server import HELLO, ScriptServer

_REFUSAL = rf"""
>> {HELLO}
<< A1 LOGIN "ann" "pw"
>> A1 NO [AUTHENTICATIONFAILED] no
.. silence"""


async def test_a_refused_log_in_is_a_warning(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told by the gate and as the account's state, and not once more by the task."""
    caplog.set_level("INFO", "sage_mail")
    where = await known(storage)
    with ThreadPoolExecutor(1) as threads, ScriptServer(_REFUSAL) as server:
        scope = scope_of(storage, where, Preparer(Pipeline([]), threads))
        scope.settings = AccountSettings.model_validate(
            {
                "name": "office",
                "host": "127.0.0.1",
                "port": server.port,
                "security": "plain",
                "username": "ann",
                "password": "pw",
            }
        )
        watcher = AccountWatcher(scope)
        running = asyncio.create_task(watcher.run())
        async with asyncio.timeout(20):
            while watcher.state is not AccountState.AUTH_FAILED:
                async with storage.commits.subscribe() as wakeups:
                    await wakeups.wait(0.1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    for action in ("account_auth_failed", "connect_failed"):
        (level,) = [each.levelname for each in caplog.records if action in each.getMessage()]
        assert level == "WARNING"
    assert "task_failed" not in caplog.text
