"""A commit with something in it wakes those who wait, and nothing else does."""

from __future__ import annotations

import asyncio

from sage_mail.storage import CommitSignal, Storage
from tests.sage_mail.storage.samples import (
    NOW,
    action,
    announced,
    dead_letter,
    message,
    place,
    stored,
)


async def test_a_commit_with_events_wakes_every_subscriber(storage: Storage) -> None:
    """Whoever waits is woken after the commit, not before it, and finds the events."""
    async with storage.commits.subscribe() as one, storage.commits.subscribe() as other:
        async with storage.unit_of_work() as uow:
            await announced(uow)
            assert not await one.wait(0)
            await uow.commit()
        assert await one.wait(1)
        assert await other.wait(1)
        assert not await one.wait(0)
    async with storage.read() as uow:
        assert await uow.events.last_seq() == 1


async def test_planned_actions_and_requested_retries_wake(storage: Storage) -> None:
    """Actions and retries wake too; a commit without any of these does not."""
    where = await place(storage)
    async with storage.commits.subscribe() as wakeups:
        message_id = await stored(storage, message(where))
        assert not await wakeups.wait(0)
        async with storage.unit_of_work() as uow:
            await uow.actions.plan(action(where, message_id))
            await uow.commit()
        assert await wakeups.wait(0)
        async with storage.unit_of_work() as uow:
            letter = await uow.dead_letters.add(dead_letter(where, 9))
            await uow.dead_letters.request_retry(letter.id, NOW)
            await uow.commit()
        assert await wakeups.wait(0)


async def test_what_is_rolled_back_wakes_nobody(storage: Storage) -> None:
    """Without a commit there is no wake-up."""
    async with storage.commits.subscribe() as wakeups:
        async with storage.unit_of_work() as uow:
            await announced(uow)
        assert not await wakeups.wait(0)


async def test_a_waiter_is_woken_while_it_waits() -> None:
    """A signal reaches a wait that is under way; one after the block's end reaches nobody."""
    signal = CommitSignal()
    async with signal.subscribe() as wakeups:
        waiting = asyncio.create_task(wakeups.wait())
        await asyncio.sleep(0)
        signal.notify()
        assert await waiting
    signal.notify()
    assert not await wakeups.wait(0)
