"""The mailboxes and how far each has been read."""

from __future__ import annotations

import builtins
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, select, update

from sage_mail.errors import StorageError
from sage_mail.records import MailboxRecord
from sage_mail.storage import tables
from sage_mail.storage.transaction import Transaction

__all__ = ["Mailboxes"]

_mailboxes = tables.mailboxes.c


class Mailboxes:
    """Repository of the mailboxes, which come into being by being asked for."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def get_or_create(self, account_id: int, name: str) -> MailboxRecord:
        """The mailbox of this name (as the server writes it), made now if it is not known yet.

        A new one has no UIDVALIDITY and its cursor at 0.
        """
        found = await self.find(account_id, name)
        if found is None:
            values = {
                "account_id": account_id,
                "name": name,
                "last_uid": 0,
                "first_seen_at": datetime.now(UTC),
            }
            await self._transaction.insert_or_ignore(tables.mailboxes, values)
            found = await self.find(account_id, name)
        if found is None:
            raise StorageError("a mailbox disappeared while it was being made")
        return found

    async def find(self, account_id: int, name: str) -> MailboxRecord | None:
        """The account's mailbox of this name."""
        statement = _select().where(_mailboxes.account_id == account_id, _mailboxes.name == name)
        row = await self._transaction.first(statement)
        return None if row is None else _record(row)

    async def get(self, mailbox_id: int) -> MailboxRecord | None:
        """The mailbox by its row."""
        row = await self._transaction.first(_select().where(_mailboxes.id == mailbox_id))
        return None if row is None else _record(row)

    async def list_for(self, account_id: int) -> builtins.list[MailboxRecord]:
        """The account's mailboxes by name, those included that are known only as targets."""
        statement = _select().where(_mailboxes.account_id == account_id)
        rows = await self._transaction.all(statement.order_by(_mailboxes.name))
        return [_record(row) for row in rows]

    async def set_cursor(
        self,
        mailbox_id: int,
        *,
        uidvalidity: int,
        last_uid: int,
        highestmodseq: int | None = None,
    ) -> None:
        """Note how far the mailbox has been read.

        Within a UIDVALIDITY the cursor and the mod-sequence never go back: a call with a smaller
        value leaves the larger one. ``highestmodseq`` None leaves it as it was.

        Raises:
            StorageError: the mailbox is known with another UIDVALIDITY (`reset` it first).
        """
        mailbox = await self.get(mailbox_id)
        if mailbox is None or mailbox.uidvalidity not in (None, uidvalidity):
            raise StorageError("the cursor belongs to another UIDVALIDITY of the mailbox")
        await self._transaction.execute(
            update(tables.mailboxes)
            .where(_mailboxes.id == mailbox_id)
            .values(
                uidvalidity=uidvalidity,
                last_uid=max(last_uid, mailbox.last_uid),
                highestmodseq=_later(mailbox.highestmodseq, highestmodseq),
            )
        )

    async def verified(self, mailbox_id: int, at: datetime) -> None:
        """Note that the mailbox was found to agree with the server at this instant."""
        await self._transaction.execute(
            update(tables.mailboxes).where(_mailboxes.id == mailbox_id).values(last_verified_at=at)
        )

    async def reset(self, mailbox_id: int, *, uidvalidity: int, last_uid: int = 0) -> None:
        """Begin anew with another UIDVALIDITY; the mod-sequence is forgotten.

        The messages keep their old locations until each is relocated or marked as missing (see
        ``messages.outdated``).
        """
        await self._transaction.execute(
            update(tables.mailboxes)
            .where(_mailboxes.id == mailbox_id)
            .values(uidvalidity=uidvalidity, last_uid=last_uid, highestmodseq=None)
        )


def _later(known: int | None, new: int | None) -> int | None:
    return max((value for value in (known, new) if value is not None), default=None)


def _select() -> Select[Any]:
    return select(tables.mailboxes, tables.accounts.c.name.label("account")).join_from(
        tables.mailboxes, tables.accounts
    )


def _record(row: Row[Any]) -> MailboxRecord:
    return MailboxRecord(
        id=row.id,
        account_id=row.account_id,
        account=row.account,
        name=row.name,
        uidvalidity=row.uidvalidity,
        last_uid=row.last_uid,
        highestmodseq=row.highestmodseq,
        last_verified_at=row.last_verified_at,
        first_seen_at=row.first_seen_at,
    )
