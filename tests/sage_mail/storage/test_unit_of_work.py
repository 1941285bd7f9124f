"""What is committed is there, what is not is not, and one bad record spoils nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sage_mail.errors import StorageError
from sage_mail.storage import RecordRejected, Storage, UnitOfWork
from tests.sage_mail.storage.samples import NOW, announced, event, later, message, place


async def test_leaving_without_a_commit_undoes_everything(storage: Storage) -> None:
    """A unit of work that ends without a commit leaves no row and no used number."""
    async with storage.unit_of_work() as uow:
        await uow.accounts.get_or_create("office")
        await announced(uow)
    async with storage.read() as uow:
        assert await uow.accounts.list() == []
        assert await uow.events.last_seq() == 0
    async with storage.unit_of_work() as uow:
        assert (await uow.events.append(event())).seq == 1


async def test_an_error_undoes_everything_and_goes_on(storage: Storage) -> None:
    """An error inside the block reaches the caller, and the next unit of work is usable."""

    async def fail() -> None:
        async with storage.unit_of_work() as uow:
            await uow.accounts.get_or_create("office")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with storage.unit_of_work() as uow:
        assert await uow.accounts.list() == []


async def test_a_cancelled_unit_of_work_frees_the_next(storage: Storage) -> None:
    """Cancelling in the middle undoes what was written and keeps no lock."""
    inside = asyncio.Event()

    async def write() -> None:
        async with storage.unit_of_work() as uow:
            await uow.accounts.get_or_create("office")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with storage.unit_of_work() as uow:
        assert await uow.accounts.list() == []
        await uow.accounts.get_or_create("home")
        await uow.commit()


async def test_cancelling_at_any_statement_frees_the_next(storage: Storage) -> None:
    """Wherever a writer is cancelled, the database stays usable and nothing is half there."""
    where = await place(storage)

    async def write(uid: int) -> None:
        async with storage.unit_of_work() as uow, uow.savepoint():
            await uow.messages.add(message(where, uid))
            await announced(uow)

    for steps in range(1, 60, 3):
        task = asyncio.create_task(write(steps))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    async with storage.unit_of_work() as uow:
        assert await uow.messages.latest(1) == []
        assert await announced(uow) == 1
        await uow.commit()


async def test_a_refused_record_spoils_only_its_savepoint(storage: Storage) -> None:
    """After a record was refused inside a savepoint, the rest of the transaction is committed."""
    where = await place(storage)

    async def announce_and_store_again(uow: UnitOfWork) -> None:
        async with uow.savepoint():
            await announced(uow)
            await uow.messages.add(message(where, 1))

    async with storage.unit_of_work() as uow:
        await uow.messages.add(message(where, 1))
        with pytest.raises(RecordRejected):
            await announce_and_store_again(uow)
        async with uow.savepoint():
            await uow.messages.add(message(where, 2))
            assert await announced(uow) == 1
        await uow.commit()
    async with storage.read() as uow:
        assert await uow.messages.present_uids(where.mailbox_id, 7) == [1, 2]
        assert [record.seq for record in await uow.events.after(0)] == [1]


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": 2**64},
        {"modseq": 2**63},
        {"first_seen_at": None},
        {"first_seen_at": NOW.replace(tzinfo=None)},
        {"mailbox_id": 999_999, "uid": 3},
    ],
    ids=["uid", "modseq", "null", "naive", "mailbox"],
)
async def test_values_that_cannot_be_stored_are_refused_one_by_one(
    storage: Storage, changes: dict[str, Any]
) -> None:
    """Whatever is wrong with a record, it is a StorageError and the next one is stored."""
    where = await place(storage)
    async with storage.unit_of_work() as uow:
        with pytest.raises(StorageError):
            async with uow.savepoint():
                await uow.messages.add(message(where, **{"uid": 1, **changes}))
        await uow.messages.add(message(where, 2))
        await uow.commit()
    async with storage.read() as uow:
        assert len(await uow.messages.latest(10)) == 1


async def test_an_error_of_the_database_quotes_no_mail(storage: Storage) -> None:
    """Neither the error's text nor its chain has anything of the row that was refused."""
    where = await place(storage)
    async with storage.unit_of_work() as uow:
        with pytest.raises(RecordRejected) as refused:
            await uow.messages.add(message(where, subject="Rosebud", first_seen_at=None))
    error: BaseException | None = refused.value
    while error is not None:
        assert "Rosebud" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


async def test_savepoints_nest(storage: Storage) -> None:
    """An inner savepoint is undone alone, an outer one takes the inner with it."""

    async def make(uow: UnitOfWork, *names: str) -> None:
        """One savepoint within the other, and then an error."""
        async with uow.savepoint():
            await uow.accounts.get_or_create(names[0])
            if names[1:]:
                await make(uow, *names[1:])
            raise LookupError

    async with storage.unit_of_work() as uow:
        async with uow.savepoint():
            await uow.accounts.get_or_create("kept")
            with pytest.raises(LookupError):
                await make(uow, "inner")
        with pytest.raises(LookupError):
            await make(uow, "outer", "taken along")
        await uow.commit()
    async with storage.read() as uow:
        assert [account.name for account in await uow.accounts.list()] == ["kept"]


async def test_a_reader_sees_one_state_and_waits_for_nobody(storage: Storage) -> None:
    """A reader keeps its view while a writer is at work and after it has committed."""
    where = await place(storage)
    async with storage.unit_of_work() as writer:
        await writer.messages.add(message(where))
        async with storage.read() as reader:
            assert await reader.messages.latest(10) == []
            await writer.commit()
            assert await reader.messages.latest(10) == []
    async with storage.read() as reader:
        assert len(await reader.messages.latest(10)) == 1


async def test_a_reader_cannot_commit(storage: Storage) -> None:
    """A unit of work for reading refuses to commit."""
    async with storage.read() as uow:
        with pytest.raises(StorageError, match="reading"):
            await uow.commit()


async def test_many_writers_at_once_all_succeed(storage: Storage) -> None:
    """Twenty concurrent units of work wait for each other instead of failing."""
    where = await place(storage)

    async def write(uid: int) -> None:
        async with storage.unit_of_work() as uow:
            await uow.messages.add(message(where, uid))
            await uow.commit()

    await asyncio.gather(*(write(uid) for uid in range(1, 21)))
    async with storage.read() as uow:
        assert await uow.messages.present_uids(where.mailbox_id, 7) == list(range(1, 21))


async def test_two_processes_write_in_turn(storage: Storage, database_url: str) -> None:
    """Another process's writers are waited for, which a second engine stands for here."""
    where = await place(storage)
    other = await Storage.open(database_url, blob_dir=storage.blobs.root)

    async def write(through: Storage, uid: int) -> None:
        async with through.unit_of_work() as uow:
            await uow.messages.add(message(where, uid))
            await announced(uow, occurred_at=later(uid))
            await uow.commit()

    try:
        await asyncio.gather(
            *(
                write(through, uid * 2 + n)
                for n, through in enumerate((storage, other))
                for uid in range(20)
            )
        )
    finally:
        await other.close()
    async with storage.read() as uow:
        assert await uow.events.last_seq() == 40
