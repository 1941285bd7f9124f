"""A message that cannot be handled is one dead letter, however often it fails."""

from __future__ import annotations

from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import NOW, dead_letter, later, place


async def test_failing_again_counts_and_replaces_the_reason(storage: Storage) -> None:
    """The second failure at a location keeps the letter, its first instant and the bytes' hash."""
    where = await place(storage)
    async with storage.unit_of_work() as uow:
        first = await uow.dead_letters.add(
            dead_letter(where, detail="trace\0", content_hash="ab" * 32)
        )
        await uow.dead_letters.request_retry(first.id, later(1))
        again = await uow.dead_letters.add(
            dead_letter(where, stage="parse", reason="worse", created_at=later(5))
        )
        await uow.commit()
    assert (first.account, first.mailbox, first.retries) == ("office", "INBOX", 0)
    assert first.detail == "trace\ufffd"
    assert (again.id, again.retries, again.created_at) == (first.id, 1, NOW)
    assert (again.stage, again.reason, again.content_hash) == ("parse", "worse", "ab" * 32)
    assert again.retry_requested_at is None


async def test_a_retry_is_asked_for_and_resolved(storage: Storage) -> None:
    """A requested retry is pending for its account until the letter is resolved or fails again."""
    where = await place(storage)
    other = await place(storage, account="home")
    async with storage.unit_of_work() as uow:
        one = await uow.dead_letters.add(dead_letter(where, 1))
        two = await uow.dead_letters.add(dead_letter(where, 2))
        three = await uow.dead_letters.add(dead_letter(other, 1))
        for letter, instant in ((two, 1), (one, 2), (three, 3)):
            assert await uow.dead_letters.request_retry(letter.id, later(instant))
        pending = await uow.dead_letters.pending_retries(where.account_id)
        assert [letter.id for letter in pending] == [two.id, one.id]
        await uow.dead_letters.resolve(two.id, later(4))
        pending = await uow.dead_letters.pending_retries(where.account_id)
        assert [letter.id for letter in pending] == [one.id]
        assert not await uow.dead_letters.request_retry(two.id, later(5))
        assert not await uow.dead_letters.request_retry(99, later(5))
        reopened = await uow.dead_letters.add(dead_letter(where, 2))
    assert (reopened.id, reopened.resolved_at, reopened.retries) == (two.id, None, 1)


async def test_letters_are_listed_and_counted(storage: Storage) -> None:
    """What is resolved leaves the list, the count and the mailbox's UIDs."""
    where = await place(storage)
    async with storage.unit_of_work() as uow:
        for uid in (3, 1, 2):
            await uow.dead_letters.add(dead_letter(where, uid))
        found = await uow.dead_letters.find_at(where.mailbox_id, 7, 1)
        assert found is not None
        await uow.dead_letters.resolve(found.id, NOW)
        assert [letter.uid for letter in await uow.dead_letters.list()] == [2, 3]
        assert [letter.uid for letter in await uow.dead_letters.list(resolved=True)] == [1]
        assert await uow.dead_letters.uids(where.mailbox_id, 7) == [2, 3]
        assert await uow.dead_letters.uids(where.mailbox_id, 8) == []
        assert await uow.dead_letters.count() == 2
        resolved = await uow.dead_letters.get(found.id)
        assert await uow.dead_letters.get(99) is None
    assert resolved is not None
    assert resolved.resolved_at == NOW
