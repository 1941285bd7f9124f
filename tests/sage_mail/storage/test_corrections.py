"""What people say that messages are."""

from __future__ import annotations

from sage_mail.records import StoredDecision
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import later, message, place, stored


async def test_the_latest_correction_of_a_message_counts(storage: Storage) -> None:
    """A message has one correction, with what had been decided and the name of its octets."""
    where = await place(storage)
    decided = StoredDecision(category="general")
    first = await stored(storage, message(where, 1, decision=decided))
    second = await stored(storage, message(where, 2))
    async with storage.unit_of_work() as uow:
        assert await uow.corrections.record(first, "spam", later(1))
        assert await uow.corrections.record(second, "sales", later(2))
        assert await uow.corrections.record(first, "support", later(3))
        await uow.commit()
    async with storage.read() as uow:
        found = await uow.corrections.list()
        assert await uow.corrections.count() == 2
    assert [(one.message_id, one.category, one.decided) for one in found] == [
        (first, "support", "general"),
        (second, "sales", None),
    ]
    assert found[0].corrected_at == later(3)
    assert found[0].content_hash == message(where, 1).content_hash


async def test_an_unknown_message_cannot_be_corrected(storage: Storage) -> None:
    """Nothing is recorded for it."""
    async with storage.unit_of_work() as uow:
        assert not await uow.corrections.record(99, "spam", later(1))
        assert await uow.corrections.count() == 0
