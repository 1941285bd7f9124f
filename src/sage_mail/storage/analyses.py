"""The analyses of attachments: which are still to be made, and what the others have found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import insert, literal_column, select, update

from sage_mail.records import AttachmentFactsRecord
from sage_mail.storage import tables
from sage_mail.storage.transaction import Transaction

__all__ = ["Analyses"]

_analyses = tables.analyses.c
_facts = tables.attachment_facts.c
# A literal, not a parameter: only with it can the partial index be used.
_IS_PENDING: Final = _analyses.done_at.is_(literal_column("NULL"))


class Analyses:
    """Repository of the analyses; a message has one at most, which is made once."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def request(self, message_id: int, at: datetime) -> None:
        """Note that the attachments of this message, which is new, are to be analysed."""
        values = {"message_id": message_id, "requested_at": at, "done_at": None}
        self._transaction.collect(tables.analyses, values)

    async def pending(self, *, limit: int) -> list[int]:
        """The messages that wait for their analysis, the oldest first."""
        statement = (
            select(_analyses.message_id)
            .where(_IS_PENDING)
            .order_by(_analyses.message_id)
            .limit(limit)
        )
        return [row.message_id for row in await self._transaction.read(statement)]

    async def finish(
        self, message_id: int, facts: Sequence[AttachmentFactsRecord], at: datetime
    ) -> bool:
        """Keep what was found; False, and nothing is kept, if the analysis does not wait any more.

        Raises:
            RecordRejected: the database cannot take it.
        """
        statement = update(tables.analyses).where(_analyses.message_id == message_id, _IS_PENDING)
        if not await self._transaction.execute(statement.values(done_at=at)):
            return False
        if facts:
            rows = [
                {
                    "message_id": message_id,
                    "position": one.position,
                    "status": one.status,
                    "detected_type": one.detected_type,
                    "details": one.details,
                }
                for one in facts
            ]
            await self._transaction.execute(insert(tables.attachment_facts), rows)
        return True

    async def facts(self, message_id: int) -> list[AttachmentFactsRecord]:
        """What was found in the attachments of the message, in their order; none if not yet."""
        statement = select(tables.attachment_facts).where(_facts.message_id == message_id)
        rows = await self._transaction.all(statement.order_by(_facts.position))
        return [
            AttachmentFactsRecord(
                message_id=row.message_id,
                position=row.position,
                status=row.status,
                detected_type=row.detected_type,
                details=row.details,
            )
            for row in rows
        ]
