"""The dead letters: messages that could not be handled, each with its reason."""

from __future__ import annotations

import builtins
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, insert, select, update

from sage_mail.errors import StorageError
from sage_mail.records import DeadLetterRecord, NewDeadLetter
from sage_mail.storage import tables
from sage_mail.storage.transaction import Transaction

__all__ = ["DeadLetters"]

_letters = tables.dead_letters.c


class DeadLetters:
    """Repository of the dead letters; there is at most one for each location."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, letter: NewDeadLetter) -> DeadLetterRecord:
        """Note that the message could not be handled.

        If it is known already, its reason is replaced, its retries go up by one, and it counts as
        unresolved again.
        """
        known = await self.find_at(letter.mailbox_id, letter.uidvalidity, letter.uid)
        if known is None:
            await self._transaction.execute(insert(tables.dead_letters), await self._values(letter))
        else:
            await self._failed_again(known.id, letter)
        record = await self.find_at(letter.mailbox_id, letter.uidvalidity, letter.uid)
        if record is None:
            raise StorageError("a dead letter disappeared while it was being written")
        return record

    async def get(self, letter_id: int) -> DeadLetterRecord | None:
        """The dead letter by its row."""
        row = await self._transaction.first(_select().where(_letters.id == letter_id))
        return None if row is None else _record(row)

    async def find_at(self, mailbox_id: int, uidvalidity: int, uid: int) -> DeadLetterRecord | None:
        """The dead letter at this location, resolved or not."""
        statement = _select().where(
            _letters.mailbox_id == mailbox_id,
            _letters.uidvalidity == uidvalidity,
            _letters.uid == uid,
        )
        row = await self._transaction.first(statement)
        return None if row is None else _record(row)

    async def list(
        self, *, resolved: bool = False, limit: int = 1000
    ) -> builtins.list[DeadLetterRecord]:
        """The dead letters that are still to be dealt with, or those resolved; the latest first."""
        condition = (
            _letters.resolved_at.is_not(None) if resolved else _letters.resolved_at.is_(None)
        )
        statement = _select().where(condition).order_by(_letters.id.desc()).limit(limit)
        return [_record(row) for row in await self._transaction.all(statement)]

    async def uids(self, mailbox_id: int, uidvalidity: int) -> builtins.list[int]:
        """The UIDs in the mailbox of the dead letters that are not resolved, ascending."""
        statement = (
            select(_letters.uid)
            .where(
                _letters.mailbox_id == mailbox_id,
                _letters.uidvalidity == uidvalidity,
                _letters.resolved_at.is_(None),
            )
            .order_by(_letters.uid)
        )
        return [row.uid for row in await self._transaction.all(statement)]

    async def request_retry(self, letter_id: int, at: datetime) -> bool:
        """Ask the running service to try it once more; False if there is nothing to retry."""
        changed = await self._transaction.execute(
            update(tables.dead_letters)
            .where(_letters.id == letter_id, _letters.resolved_at.is_(None))
            .values(retry_requested_at=at)
        )
        self._transaction.wake_others()
        return changed > 0

    async def pending_retries(self, account_id: int) -> builtins.list[DeadLetterRecord]:
        """The account's dead letters for which a retry was asked, in the order of asking."""
        statement = _select().where(
            _letters.account_id == account_id,
            _letters.retry_requested_at.is_not(None),
            _letters.resolved_at.is_(None),
        )
        rows = await self._transaction.all(
            statement.order_by(_letters.retry_requested_at, _letters.id)
        )
        return [_record(row) for row in rows]

    async def resolve(self, letter_id: int, at: datetime) -> None:
        """Note that nothing is left to do: it was handled, or it is gone from the server."""
        await self._transaction.execute(
            update(tables.dead_letters)
            .where(_letters.id == letter_id)
            .values(resolved_at=at, retry_requested_at=None)
        )

    async def count(self) -> int:
        """How many are not resolved."""
        statement = select(func.count()).where(_letters.resolved_at.is_(None))
        (row,) = await self._transaction.all(statement)
        return int(row[0])

    async def _values(self, letter: NewDeadLetter) -> dict[str, Any]:
        account_id = await self._transaction.scalar(
            select(tables.mailboxes.c.account_id).where(tables.mailboxes.c.id == letter.mailbox_id)
        )
        return {
            "account_id": account_id,
            "mailbox_id": letter.mailbox_id,
            "uidvalidity": letter.uidvalidity,
            "uid": letter.uid,
            "stage": letter.stage,
            "reason": letter.reason,
            "detail": letter.detail,
            "content_hash": letter.content_hash,
            "created_at": letter.created_at,
            "retries": 0,
        }

    async def _failed_again(self, letter_id: int, letter: NewDeadLetter) -> None:
        await self._transaction.execute(
            update(tables.dead_letters)
            .where(_letters.id == letter_id)
            .values(
                stage=letter.stage,
                reason=letter.reason,
                detail=letter.detail,
                content_hash=func.coalesce(letter.content_hash, _letters.content_hash),
                retries=_letters.retries + 1,
                retry_requested_at=None,
                resolved_at=None,
            )
        )


def _select() -> Select[Any]:
    return (
        select(
            tables.dead_letters,
            tables.accounts.c.name.label("account"),
            tables.mailboxes.c.name.label("mailbox"),
        )
        .join_from(tables.dead_letters, tables.accounts)
        .join(tables.mailboxes, tables.mailboxes.c.id == _letters.mailbox_id)
    )


def _record(row: Row[Any]) -> DeadLetterRecord:
    return DeadLetterRecord(
        id=row.id,
        account_id=row.account_id,
        account=row.account,
        mailbox_id=row.mailbox_id,
        mailbox=row.mailbox,
        uidvalidity=row.uidvalidity,
        uid=row.uid,
        stage=row.stage,
        reason=row.reason,
        detail=row.detail,
        content_hash=row.content_hash,
        created_at=row.created_at,
        retries=row.retries,
        retry_requested_at=row.retry_requested_at,
        resolved_at=row.resolved_at,
    )
