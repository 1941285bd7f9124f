"""A second process prepares what a thread would, and never outlives us."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sage_mail.ingest import preparing
from sage_mail.ingest.fetched import Fetched
from sage_mail.ingest.preparation import Prepared
from sage_mail.ingest.preparing import Preparer
from sage_mail.pipeline import Context, Contribution, Pipeline, default_pipeline
from sage_mail.records import MailboxRecord
from sage_mail.settings import RoutingSettings

_MAILBOX = MailboxRecord(1, 1, "ada", "INBOX", 7, 0, None, None, datetime(2026, 1, 5, tzinfo=UTC))
_MAILS = (
    b"From: Ann <ann@example.org>\r\nSubject: Invoice 77\r\n\r\nTotal: 5.00 EUR\r\n",
    b"Subject: help\r\n\r\nThe app crashes.\r\n",
    b"\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\xff\x00",
    b"X: " + b"a" * 3_000_000 + b"\r\n\r\nlarge\r\n",
)


@dataclass(frozen=True)
class _Where:
    """A stage that tells in which process it ran."""

    name: str = "where"

    def __call__(self, _message: object, _context: Context, /) -> Contribution:
        raise LookupError(str(os.getpid()))


@dataclass(frozen=True)
class _Slow(_Where):
    """One that takes its time."""

    def __call__(self, message: object, context: Context, /) -> Contribution:
        time.sleep(0.1)
        return super().__call__(message, context)


def _fetched(count: int = 1) -> list[Fetched]:
    return [
        Fetched(uid, len(raw), ("\\Seen",), None, None, f"f{uid}", raw)
        for uid, raw in enumerate(_MAILS * count, start=1)
    ]


@contextmanager
def _preparer(pipeline: Pipeline) -> Iterator[Preparer]:
    with ThreadPoolExecutor(1) as threads:
        preparer = Preparer(pipeline, threads)
        try:
            yield preparer
        finally:
            preparer.close()


async def _started(preparer: Preparer) -> int:
    """Wait until the second process works; its id."""
    await preparer.prepare(_fetched(), _MAILBOX, Context(), backlog=True)
    process = preparer._process
    assert process is not None
    await asyncio.wrap_future(process._ready)
    return process._child.pid


def _process_of(result: object) -> int:
    assert isinstance(result, Prepared)
    return int(result.decision.errors["where"].removeprefix("LookupError: "))


async def test_both_ways_prepare_the_same() -> None:
    """In a thread or in the second process: the same rows, octets and decisions."""
    with _preparer(default_pipeline(RoutingSettings())) as preparer:
        await _started(preparer)
        here = await preparer.prepare(_fetched(), _MAILBOX, Context())
        there = await preparer.prepare(_fetched(), _MAILBOX, Context(), backlog=True)
    for mine, others in zip(here, there, strict=True):
        assert isinstance(mine, Prepared)
        assert isinstance(others, Prepared)
        moment = others.draft.first_seen_at
        assert replace(mine, draft=replace(mine.draft, first_seen_at=moment)) == others


async def test_a_stage_that_cannot_be_sent_costs_nothing() -> None:
    """With a stage of somebody's own that no other process can get, all is done here, at once."""
    stage = _Where()
    object.__setattr__(stage, "nobody_elses", lambda: None)
    with _preparer(Pipeline([stage])) as preparer:
        async with asyncio.timeout(10):
            for _ in range(7):
                results = await preparer.prepare(_fetched(), _MAILBOX, Context(), backlog=True)
                assert {_process_of(result) for result in results} == {os.getpid()}
                if preparer._process is not None:
                    await asyncio.wait([asyncio.wrap_future(preparer._process._ready)])
        assert preparer._process is None


async def test_only_a_backlog_goes_elsewhere() -> None:
    """A few messages are prepared here, and so is the backlog until the other has started."""
    with _preparer(Pipeline([_Where()])) as preparer:
        (first, *_) = await preparer.prepare(_fetched(), _MAILBOX, Context())
        assert (_process_of(first), preparer._process) == (os.getpid(), None)
        (first, *_) = await preparer.prepare(_fetched(), _MAILBOX, Context(), backlog=True)
        assert _process_of(first) == os.getpid()
        pid = await _started(preparer)
        (first, *_) = await preparer.prepare(_fetched(), _MAILBOX, Context(), backlog=True)
        assert _process_of(first) == pid


async def test_one_that_works_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a portion takes, nobody ends the process because no other one comes."""
    with _preparer(Pipeline([_Slow()])) as preparer:
        pid = await _started(preparer)
        monkeypatch.setattr(preparing, "_IDLE_SECONDS", 0.1)
        results = await preparer.prepare(_fetched(), _MAILBOX, Context(), backlog=True)
        assert {_process_of(result) for result in results} == {pid}
        async with asyncio.timeout(20):
            while preparer._process is not None:
                await asyncio.sleep(0.05)


async def test_both_work_where_there_is_enough() -> None:
    """What the second process would come to only after two others is prepared here."""
    with _preparer(Pipeline([_Where()])) as preparer:
        pid = await _started(preparer)
        for _ in range(2):
            asked = (
                preparer.prepare(_fetched(), _MAILBOX, Context(), backlog=True) for _ in range(3)
            )
            firsts = [first for first, *_ in await asyncio.gather(*asked)]
            assert [_process_of(first) for first in firsts] == [pid, pid, os.getpid()]


async def test_answers_keep_their_order() -> None:
    """Portions asked for at once, one of them by somebody who goes away, are not mixed up."""
    with _preparer(Pipeline([_Where()])) as preparer:
        await _started(preparer)
        asked = [
            asyncio.create_task(
                preparer.prepare(_fetched()[:number], _MAILBOX, Context(), backlog=True)
            )
            for number in (1, 2, 3, 4)
        ]
        await asyncio.sleep(0)
        asked[1].cancel()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(found[1], asyncio.CancelledError)
        assert [len(each) for each in found if isinstance(each, list)] == [1, 3, 4]


async def test_a_process_that_dies_costs_nothing() -> None:
    """Its work is done here, and the next backlog gets a new one."""
    with _preparer(Pipeline([_Where()])) as preparer:
        os.kill(await _started(preparer), signal.SIGKILL)
        results = await preparer.prepare(_fetched(3), _MAILBOX, Context(), backlog=True)
        assert len(results) == 3 * len(_MAILS)
        assert {_process_of(result) for result in results} == {os.getpid()}
        pid = await _started(preparer)
        (first, *_) = await preparer.prepare(_fetched(), _MAILBOX, Context(), backlog=True)
        assert _process_of(first) == pid


async def test_one_that_ends_again_and_again_is_not_missed() -> None:
    """After some losses all is done here, and no process is started any more."""
    with _preparer(Pipeline([_Where()])) as preparer:
        for _ in range(5):
            os.kill(await _started(preparer), signal.SIGKILL)
            asked = [
                preparer.prepare(_fetched(), _MAILBOX, Context(), backlog=True) for _ in range(2)
            ]
            assert [len(each) for each in await asyncio.gather(*asked)] == [len(_MAILS)] * 2
        (first, *_) = await preparer.prepare(_fetched(), _MAILBOX, Context(), backlog=True)
        assert (_process_of(first), preparer._process) == (os.getpid(), None)


_PARENT = """
import asyncio, sys
from tests.sage_mail.ingest.test_preparing import _preparer, _started, _Where
from sage_mail.pipeline import Pipeline

async def main():
    with _preparer(Pipeline([_Where()])) as preparer:
        print(await _started(preparer), flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_ends_with_its_parent() -> None:
    """However its parent ends: a second after a SIGKILL there is no process left."""
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", _PARENT]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        parent.kill()
    deadline = time.monotonic() + 5
    while _is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
