"""When a message that has vanished counts as deleted.

Not at once: a message that is moved leaves one mailbox and appears in another, and we may hear of
the two in any order. So it is missing at first, for some seconds and until every watched mailbox of
the account has been looked at since, and what was unknown in one has been listed: a mailbox that
was renamed is seen for the first time. If it turns up it has moved, else it is deleted.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from sage_mail.delivery.announce import announce
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.delivery.payloads import deleted_data
from sage_mail.ingest.scope import Scope
from sage_mail.records import ActionStatus, MessageRecord
from sage_mail.storage import UnitOfWork
from sage_mail.telemetry import get_logger

__all__ = ["Departures"]

_log = get_logger(__name__)


class Departures:
    """Settles what has vanished in one account."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def run(self) -> None:
        """Settle what vanishes until cancelled."""
        while True:
            self._scope.something_vanished.clear()
            oldest = await self._oldest()
            if oldest is None:
                await self._scope.something_vanished.wait()
                continue
            due = oldest + timedelta(seconds=self._scope.grace)
            await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
            await self.settle()

    async def settle(self) -> int:
        """Look everywhere, then give up what is missing for longer than the grace; how many."""
        horizon = datetime.now(UTC) - timedelta(seconds=self._scope.grace)
        await self._scope.looks.all_since(asyncio.get_running_loop().time())
        await self._scope.unknown_in.join()
        return await self._scope.sections.run(self._give_up(horizon))

    async def _oldest(self) -> datetime | None:
        async with self._scope.storage.read() as uow:
            found = await uow.messages.missing_before(
                self._scope.account_id, datetime.now(UTC) + timedelta(days=1), limit=1
            )
        return found[0].missing_since if found else None

    async def _give_up(self, horizon: datetime) -> int:
        async with self._scope.locations, self._scope.storage.unit_of_work() as uow:
            lost = await uow.messages.missing_before(self._scope.account_id, horizon)
            for message in lost:
                if await uow.messages.mark_deleted(message.id):
                    await self._announce(uow, message)
            await uow.commit()
        if lost:
            _log.info("messages_deleted", account=self._scope.account, count=len(lost))
        return len(lost)

    async def _announce(self, uow: UnitOfWork, message: MessageRecord) -> None:
        now = datetime.now(UTC)
        for action in await uow.actions.for_message(message.id):
            if action.status is ActionStatus.PLANNED:
                await uow.actions.void(action.id, "the message is deleted", at=now)
        if not message.announced:
            return
        event = NewEvent(
            type=EventType.MESSAGE_DELETED,
            account=self._scope.account,
            mailbox=message.mailbox,
            message_id=message.id,
            occurred_at=now,
            data=deleted_data(message),
        )
        await announce(uow, event, self._scope.endpoints)
