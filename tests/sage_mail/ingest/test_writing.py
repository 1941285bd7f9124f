"""Writing a batch: together where all is well, and otherwise each message for itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from sage_mail.ingest.fetched import Fetched
from sage_mail.ingest.fingerprint import fingerprint
from sage_mail.ingest.matching import Candidate, Relocated
from sage_mail.ingest.preparation import Prepared, prepare
from sage_mail.ingest.preparing import Preparer
from sage_mail.ingest.scope import CriticalSections, Scope
from sage_mail.ingest.writing import BatchWriter
from sage_mail.pipeline import Context, Pipeline
from sage_mail.records import MailboxRecord
from sage_mail.settings import AccountSettings, RoutingSettings
from sage_mail.storage import Storage, UnitOfWork
from tests.sage_mail.storage.samples import Place, message, place, stored


async def _mailbox(storage: Storage, where: Place) -> MailboxRecord:
    async with storage.unit_of_work() as uow:
        await uow.mailboxes.set_cursor(where.mailbox_id, uidvalidity=7, last_uid=0)
        await uow.commit()
    async with storage.read() as uow:
        mailbox = await uow.mailboxes.get(where.mailbox_id)
    assert mailbox is not None
    return mailbox


def _prepared(mailbox: MailboxRecord, uid: int, **changes: Any) -> Prepared:
    raw = b"From: ann@example.org\r\nSubject: %d\r\n\r\nHello\r\n" % uid
    print_ = fingerprint(raw, len(raw))
    fetched = Fetched(uid, len(raw), (), datetime.now(UTC), 9, print_, raw)
    result = prepare(fetched, mailbox, Pipeline([]), Context())
    assert isinstance(result, Prepared)
    return replace(result, draft=replace(result.draft, **changes))


def _scope(storage: Storage, where: Place) -> Scope:
    with ThreadPoolExecutor(1) as threads:
        return Scope(
            settings=AccountSettings(
                name="office", host="localhost", username="ann", password="secret"
            ),
            account_id=where.account_id,
            storage=storage,
            routing=RoutingSettings(mark_processed=True),
            endpoints=(),
            preparer=Preparer(Pipeline([]), threads),
            sections=CriticalSections(),
        )


async def _announced(uow: UnitOfWork) -> list[int]:
    return [event.data["uid"] for event in await uow.events.after(0)]


async def test_a_batch_is_stored_announced_and_planned(storage: Storage) -> None:
    """Every message has its row, its event in the order of the UIDs, its plan and its decision."""
    where = await place(storage)
    mailbox = await _mailbox(storage, where)
    batch = [_prepared(mailbox, uid) for uid in (1, 2, 3)]
    async with storage.unit_of_work() as uow:
        writer = BatchWriter(_scope(storage, where), uow, mailbox)
        assert await writer.add(batch) == []
        await uow.commit()
    assert list(writer.announced) == [1, 2, 3]
    async with storage.read() as uow:
        found = await uow.messages.find_many(where.mailbox_id, 7, [1, 2, 3])
        assert {uid: record.subject for uid, record in found.items()} == {1: "1", 2: "2", 3: "3"}
        assert await _announced(uow) == [1, 2, 3]
        for record in found.values():
            (plan,) = await uow.actions.for_message(record.id)
            assert plan.uid == record.uid


async def test_one_that_cannot_be_stored_costs_itself_alone(storage: Storage) -> None:
    """The others of the batch are stored and announced once each, without a gap; it is told why."""
    where = await place(storage)
    mailbox = await _mailbox(storage, where)
    batch = [_prepared(mailbox, uid) for uid in (1, 2, 3)]
    batch[1] = _prepared(mailbox, 2, size=2**70)
    async with storage.unit_of_work() as uow:
        writer = BatchWriter(_scope(storage, where), uow, mailbox)
        (rejected,) = await writer.add(batch)
        await uow.commit()
    assert (rejected.uid, rejected.stage, rejected.raw) == (2, "storage", batch[1].fetched.raw)
    assert list(writer.announced) == [1, 2]
    async with storage.read() as uow:
        assert sorted(await uow.messages.find_many(where.mailbox_id, 7, [1, 2, 3])) == [1, 3]
        assert await _announced(uow) == [1, 3]
        assert [event.seq for event in await uow.events.after(0)] == [1, 2]


async def test_one_that_another_process_has_stored_is_left_to_it(storage: Storage) -> None:
    """Where the place of a message is taken it is that message: not told twice, and no failure."""
    where = await place(storage)
    mailbox = await _mailbox(storage, where)
    await stored(storage, message(where, 2))
    async with storage.unit_of_work() as uow:
        writer = BatchWriter(_scope(storage, where), uow, mailbox)
        assert await writer.add([_prepared(mailbox, uid) for uid in (1, 2, 3)]) == []
        await uow.commit()
    async with storage.read() as uow:
        assert await _announced(uow) == [1, 3]


@pytest.mark.parametrize(("state", "count"), [("present", 1), ("missing", 0)])
async def test_what_is_found_elsewhere_is_counted(
    storage: Storage, state: Literal["present", "missing"], count: int
) -> None:
    """Only where nobody saw the message leave may its old mailbox still have it."""
    where, work = await place(storage), await place(storage, mailbox="Work")
    mailbox, scope = await _mailbox(storage, where), _scope(storage, where)
    moved = await stored(storage, message(work, 1))
    outcome = Relocated(1, Candidate(moved, "mark", "Work", 7, 1, state), "user")
    async with storage.unit_of_work() as uow:
        writer = BatchWriter(scope, uow, mailbox)
        await writer.relocate(outcome, _prepared(mailbox, 1).fetched)
        await uow.commit()
    assert scope.found_elsewhere["Work"] == count
