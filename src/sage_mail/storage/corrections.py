"""The corrections: what people say that messages are, for models to learn from."""

from __future__ import annotations

import builtins
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select

from sage_mail.records import CorrectionRecord
from sage_mail.storage import tables
from sage_mail.storage.transaction import Transaction

__all__ = ["Corrections"]

_corrections = tables.corrections.c
_messages = tables.messages.c


class Corrections:
    """Repository of the corrections; a message has one at most, the latest."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def record(self, message_id: int, category: str, at: datetime) -> bool:
        """Note that the message is of this category; False if there is no such message."""
        row = await self._transaction.first(
            select(_messages.category).where(_messages.id == message_id)
        )
        if row is None:
            return False
        await self._transaction.execute(
            delete(tables.corrections).where(_corrections.message_id == message_id)
        )
        await self._transaction.execute(
            insert(tables.corrections),
            {
                "message_id": message_id,
                "category": category,
                "decided": row.category,
                "corrected_at": at,
            },
        )
        return True

    async def list(self, *, limit: int = 100_000) -> builtins.list[CorrectionRecord]:
        """The corrections, the latest first."""
        statement = (
            select(tables.corrections, _messages.content_hash)
            .join_from(tables.corrections, tables.messages)
            .order_by(_corrections.corrected_at.desc(), _corrections.message_id.desc())
            .limit(limit)
        )
        return [_record(row) for row in await self._transaction.all(statement)]

    async def count(self) -> int:
        """How many messages have been corrected."""
        statement = select(func.count()).select_from(tables.corrections)
        (row,) = await self._transaction.all(statement)
        return int(row[0])


def _record(row: Row[Any]) -> CorrectionRecord:
    return CorrectionRecord(
        message_id=row.message_id,
        category=row.category,
        decided=row.decided,
        corrected_at=row.corrected_at,
        content_hash=row.content_hash,
    )
