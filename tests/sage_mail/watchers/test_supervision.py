"""Supervised work goes on whatever happens to it."""

from __future__ import annotations

import asyncio

import pytest

from sage_imap.errors import ConnectionLost
from sage_mail.watchers.backoff import Backoff
from sage_mail.watchers.supervision import NotConnected, supervise


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionLost("gone"), "task_failed"),
        (ZeroDivisionError("a bug"), "task_crashed"),
        (NotConnected("told by the gate"), None),
    ],
)
async def test_failed_work_is_begun_again(
    error: Exception, told: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """What fails, for a known reason or by a bug, is begun again after a pause, and told once."""
    runs = 0
    done = asyncio.Event()

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            done.set()
            await asyncio.Event().wait()
        raise error

    task = asyncio.create_task(
        supervise("work", work, account="a", backoff=Backoff(first=0.001, longest=0.002))
    )
    async with asyncio.timeout(20):
        await done.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert runs == 3
    assert len(caplog.records) == (0 if told is None else 2)
    assert told is None or told in caplog.text
