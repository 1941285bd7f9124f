"""A mailbox's cursor goes forward within a UIDVALIDITY and begins anew with another."""

from __future__ import annotations

import pytest

from sage_mail.errors import StorageError
from sage_mail.records import MailboxRecord
from sage_mail.storage import Storage, UnitOfWork
from tests.sage_mail.storage.samples import NOW, place


async def _get(uow: UnitOfWork, mailbox_id: int) -> MailboxRecord:
    mailbox = await uow.mailboxes.get(mailbox_id)
    assert mailbox is not None
    return mailbox


async def test_mailboxes_belong_to_their_account(storage: Storage) -> None:
    """The same name in two accounts is two mailboxes; a new one has no UIDVALIDITY."""
    office = await place(storage)
    home = await place(storage, account="home")
    archive = await place(storage, mailbox="Archive")
    assert await place(storage) == office
    async with storage.read() as uow:
        names = [mailbox.name for mailbox in await uow.mailboxes.list_for(office.account_id)]
        inbox = await _get(uow, office.mailbox_id)
        assert await uow.mailboxes.get(99) is None
    assert names == ["Archive", "INBOX"]
    assert len({office.mailbox_id, home.mailbox_id, archive.mailbox_id}) == 3
    assert (inbox.account, inbox.uidvalidity, inbox.last_uid) == ("office", None, 0)


async def test_the_cursor_never_goes_back(storage: Storage) -> None:
    """A smaller UID or mod-sequence leaves the larger one, None leaves the mod-sequence."""
    where = await place(storage)
    largest = 2**63 - 1
    async with storage.unit_of_work() as uow:
        for uid, modseq in ((5, None), (2**32 - 1, largest), (7, 3), (8, None)):
            await uow.mailboxes.set_cursor(
                where.mailbox_id, uidvalidity=7, last_uid=uid, highestmodseq=modseq
            )
        mailbox = await _get(uow, where.mailbox_id)
    assert (mailbox.last_uid, mailbox.highestmodseq) == (2**32 - 1, largest)


async def test_a_cursor_of_another_uidvalidity_is_refused(storage: Storage) -> None:
    """Only a reset changes the UIDVALIDITY, and it forgets cursor and mod-sequence."""
    where = await place(storage)
    async with storage.unit_of_work() as uow:
        await uow.mailboxes.set_cursor(where.mailbox_id, uidvalidity=7, last_uid=5, highestmodseq=9)
        with pytest.raises(StorageError, match="another UIDVALIDITY"):
            await uow.mailboxes.set_cursor(where.mailbox_id, uidvalidity=8, last_uid=6)
        await uow.mailboxes.reset(where.mailbox_id, uidvalidity=8)
        await uow.mailboxes.set_cursor(where.mailbox_id, uidvalidity=8, last_uid=1)
        await uow.mailboxes.verified(where.mailbox_id, NOW)
        mailbox = await _get(uow, where.mailbox_id)
    assert (mailbox.uidvalidity, mailbox.last_uid, mailbox.highestmodseq) == (8, 1, None)
    assert mailbox.last_verified_at == NOW
