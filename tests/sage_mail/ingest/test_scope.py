"""Looks and critical sections."""

from __future__ import annotations

import asyncio

import pytest

from sage_mail.ingest.scope import CriticalSections, Looks


async def test_all_folders_must_be_seen_after_the_moment() -> None:
    """The wait ends when each watched folder has been looked at by a later look, and wishes it."""
    looks = Looks()
    wishes = [looks.watch("INBOX"), looks.watch("Archive")]
    looks.seen("INBOX", 5.0)
    waiting = asyncio.create_task(looks.all_since(4.0))
    await asyncio.sleep(0)
    assert [wish.is_set() for wish in wishes] == [False, True]
    looks.seen("Archive", 3.0)
    await asyncio.sleep(0)
    assert not waiting.done()
    looks.seen("Archive", 4.5)
    async with asyncio.timeout(20):
        await waiting


async def test_section_keeps_its_caller() -> None:
    """A cancelled caller, whose connection it is, leaves when its section is finished."""
    sections = CriticalSections()
    go, finished = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        finished.set()

    caller = asyncio.create_task(sections.run(work()))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller], timeout=0.02)
    assert not caller.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert finished.is_set()


async def test_section_outlives_a_caller_in_haste() -> None:
    """Who is cancelled twice leaves at once; the section is finished all the same."""
    sections = CriticalSections()
    go, finished = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        finished.set()

    caller = asyncio.create_task(sections.run(work()))
    for _ in range(2):
        await asyncio.sleep(0)
        caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go.set()
    await sections.finish(1.0)
    assert finished.is_set()


async def test_section_that_takes_too_long_is_cut() -> None:
    """A stop does not wait for ever."""
    sections = CriticalSections()
    caller = asyncio.create_task(sections.run(asyncio.Event().wait()))
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await sections.finish(0.02)
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_section_hands_on_its_result_and_error() -> None:
    """The caller gets what the work returns or raises."""
    sections = CriticalSections()

    async def divide(by: int) -> float:
        return 1 / by

    assert await sections.run(divide(2)) == 0.5
    with pytest.raises(ZeroDivisionError):
        await sections.run(divide(0))
