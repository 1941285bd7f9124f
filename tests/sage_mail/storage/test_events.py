"""Events are numbered without a gap in the order in which they become visible."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from sage_mail.delivery.events import EventType
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import NOW, announced, event, message, place, stored


async def test_an_event_comes_back_as_it_was_appended(storage: Storage) -> None:
    """Every field is kept, the order of the data's keys too, and NUL is replaced."""
    where = await place(storage)
    message_id = await stored(storage, message(where))
    new = event(message_id, data={"z": 1, "a": ["\0", None, True, 1.5], "ä": {"b": "\ud800"}})
    async with storage.unit_of_work() as uow:
        appended = await uow.events.append(new)
        await uow.commit()
    async with storage.read() as uow:
        assert await uow.events.get(appended.seq) == appended
        assert await uow.events.for_message(message_id) == [appended]
        assert await uow.events.get(99) is None
    assert appended.event_id.startswith("evt_")
    assert appended.type == "message.new"
    assert list(appended.data) == ["z", "a", "ä"]
    assert appended.data == {"z": 1, "a": ["\ufffd", None, True, 1.5], "ä": {"b": "\ufffd"}}
    assert appended.occurred_at == NOW


async def test_events_are_read_in_portions_and_by_type(storage: Storage) -> None:
    """`after` continues where the last portion ended, and can be narrowed to some types."""
    async with storage.unit_of_work() as uow:
        for number in range(6):
            odd = EventType.MESSAGE_MOVED if number % 2 else EventType.MESSAGE_NEW
            await uow.events.append(event(type=odd))
        assert await uow.events.last_seq() == 6
        await uow.commit()
    async with storage.read() as uow:
        first = await uow.events.after(0, limit=4)
        rest = await uow.events.after(first[-1].seq, limit=4)
        moved = await uow.events.after(2, types=["message.moved"])
    assert [record.seq for record in first + rest] == [1, 2, 3, 4, 5, 6]
    assert [record.seq for record in moved] == [4, 6]


@pytest.mark.parametrize(
    "changes",
    [{"data": {"x": object()}}, {"occurred_at": NOW.replace(tzinfo=None)}],
    ids=["no JSON", "naive"],
)
async def test_an_event_that_cannot_be_written_is_refused_at_once(
    storage: Storage, changes: dict[str, Any]
) -> None:
    """What cannot be written is refused by `append`, not by the commit of all others."""
    async with storage.unit_of_work() as uow:
        await uow.events.append(event())
        with pytest.raises((TypeError, ValueError)):
            async with uow.savepoint():
                await uow.events.append(event(**changes))
        await uow.events.append(event())
        await uow.commit()
    async with storage.read() as uow:
        assert [record.seq for record in await uow.events.after(0)] == [1, 2]


async def test_an_instant_at_the_edge_of_time_is_kept_there(storage: Storage) -> None:
    """A time zone that would shift an instant out of the calendar does not lose the event."""
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    last = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12)))
    async with storage.unit_of_work() as uow:
        for instant in (first, last):
            await uow.events.append(event(occurred_at=instant))
        await uow.commit()
    async with storage.read() as uow:
        early, late = await uow.events.after(0)
    assert (early.occurred_at.year, late.occurred_at.year) == (1, 9999)


async def test_flushing_inside_a_savepoint_is_undone_with_it(storage: Storage) -> None:
    """Events that were read back, and so written, before the savepoint failed are gone after it."""

    async def fail_after_reading() -> None:
        async with uow.savepoint():
            await announced(uow)
            assert await uow.events.last_seq() == 2
            raise LookupError

    async with storage.unit_of_work() as uow:
        await announced(uow)
        with pytest.raises(LookupError):
            await fail_after_reading()
        assert await uow.events.last_seq() == 1
        assert await announced(uow) == 2
        await uow.commit()
    async with storage.read() as uow:
        assert [record.seq for record in await uow.events.after(0)] == [1, 2]
        assert len(await uow.outbox.for_event(2)) == 1


async def test_the_order_of_the_numbers_is_the_order_of_the_commits(storage: Storage) -> None:
    """A reader that follows the numbers misses nothing, whatever the writers do at once."""
    dice = random.Random(20240517)
    writers = 40

    async def write() -> int:
        appended = 0
        async with storage.unit_of_work() as uow:
            for _ in range(dice.randint(1, 4)):
                try:
                    async with uow.savepoint():
                        await uow.events.append(event())
                        await asyncio.sleep(dice.random() / 500)
                        if dice.random() < 0.3:
                            raise LookupError
                except LookupError:
                    continue
                appended += 1
            if dice.random() < 0.2:
                return 0
            await uow.commit()
        return appended

    async def follow() -> list[int]:
        seen: list[int] = []
        while not (finished.is_set() and len(seen) == expected):
            async with storage.read() as uow:
                seen += [record.seq for record in await uow.events.after(len(seen))]
            assert seen == list(range(1, len(seen) + 1))
        return seen

    finished, expected = asyncio.Event(), 0
    follower = asyncio.create_task(follow())
    counts = await asyncio.gather(*(write() for _ in range(writers)))
    expected = sum(counts)
    finished.set()
    assert await follower == list(range(1, expected + 1))
    assert expected > writers / 2
