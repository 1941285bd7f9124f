"""Which attachments wait for their analysis, and what the others have brought."""

from __future__ import annotations

from sage_mail.records import AttachmentFactsRecord
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import NOW, Place, later, message, place


async def _waiting(storage: Storage, where: Place, uid: int) -> int:
    async with storage.unit_of_work() as uow:
        message_id = await uow.messages.add(message(where, uid))
        uow.analyses.request(message_id, NOW)
        await uow.commit()
    return message_id


def _found(message_id: int, position: int = 0) -> AttachmentFactsRecord:
    details = {"status": "ok", "document": {"text": "nul \0 and more"}}
    return AttachmentFactsRecord(message_id, position, "ok", "application/pdf", details)


async def test_an_analysis_is_made_once(storage: Storage) -> None:
    """It waits from the commit that asks for it to the one that has what was found."""
    where = await place(storage)
    first = await _waiting(storage, where, 1)
    second = await _waiting(storage, where, 2)
    async with storage.read() as uow:
        assert await uow.analyses.pending(limit=10) == [first, second]
        assert await uow.analyses.pending(limit=1) == [first]
        assert await uow.analyses.facts(first) == []
    async with storage.unit_of_work() as uow:
        found = [_found(first, 1), _found(first)]
        assert await uow.analyses.finish(first, found, later(1))
        await uow.commit()
    async with storage.unit_of_work() as uow:
        assert not await uow.analyses.finish(first, [_found(first, 2)], later(2))
        await uow.commit()
    async with storage.read() as uow:
        assert await uow.analyses.pending(limit=10) == [second]
        facts = await uow.analyses.facts(first)
    assert [one.position for one in facts] == [0, 1]
    assert facts[0].details["document"] == {"text": "nul \ufffd and more"}


async def test_what_is_undone_waits_on(storage: Storage) -> None:
    """Without a commit nothing is found, and the analysis is still to be made."""
    where = await place(storage)
    waiting = await _waiting(storage, where, 1)
    async with storage.unit_of_work() as uow:
        assert await uow.analyses.finish(waiting, [_found(waiting)], later(1))
    async with storage.read() as uow:
        assert await uow.analyses.pending(limit=10) == [waiting]
        assert await uow.analyses.facts(waiting) == []


async def test_a_message_that_nobody_asked_about(storage: Storage) -> None:
    """Older messages, and those without attachments, never wait."""
    where = await place(storage)
    async with storage.unit_of_work() as uow:
        message_id = await uow.messages.add(message(where))
        await uow.commit()
    async with storage.unit_of_work() as uow:
        assert await uow.analyses.pending(limit=10) == []
        assert not await uow.analyses.finish(message_id, [], later(1))
