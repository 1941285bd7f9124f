"""The journal of what the system does to messages on the server.

An action is planned in the transaction that stores the reason for it, carried out after the commit,
and settled in a later transaction. After a crash in between, the server is asked what has happened.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select, update

from sage_mail.errors import StorageError
from sage_mail.records import ActionKind, ActionRecord, ActionStatus, NewAction
from sage_mail.storage import tables
from sage_mail.storage.transaction import Transaction

__all__ = ["Actions"]

_actions = tables.actions.c


class Actions:
    """Repository of the journal."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def plan(self, action: NewAction) -> ActionRecord:
        """Plan the action, due at once; the planned one if the message has one of that kind."""
        account_id = await self._transaction.scalar(
            select(tables.mailboxes.c.account_id).where(tables.mailboxes.c.id == action.mailbox_id)
        )
        values = {
            "message_id": action.message_id,
            "account_id": account_id,
            "kind": action.kind,
            "mailbox_id": action.mailbox_id,
            "uidvalidity": action.uidvalidity,
            "uid": action.uid,
            "target": action.target,
            "status": ActionStatus.PLANNED,
            "attempts": 0,
            "next_attempt_at": action.created_at,
            "created_at": action.created_at,
        }
        await self._transaction.insert_or_ignore(tables.actions, values)
        self._transaction.wake_others()
        statement = _select().where(
            _actions.message_id == action.message_id,
            _actions.kind == action.kind,
            _actions.status == ActionStatus.PLANNED,
        )
        row = await self._transaction.first(statement)
        if row is None:
            raise StorageError("an action disappeared while it was being planned")
        return _record(row)

    async def get(self, action_id: int) -> ActionRecord | None:
        """The action by its row."""
        row = await self._transaction.first(_select().where(_actions.id == action_id))
        return None if row is None else _record(row)

    async def planned_for(
        self, account_id: int, *, mailbox_id: int | None = None, kind: ActionKind | None = None
    ) -> list[ActionRecord]:
        """The account's planned actions, due or not, oldest first (of one mailbox, of one kind)."""
        statement = _select().where(
            _actions.account_id == account_id, _actions.status == ActionStatus.PLANNED
        )
        if mailbox_id is not None:
            statement = statement.where(_actions.mailbox_id == mailbox_id)
        if kind is not None:
            statement = statement.where(_actions.kind == kind)
        rows = await self._transaction.all(statement.order_by(_actions.id))
        return [_record(row) for row in rows]

    async def due(self, account_id: int, now: datetime, *, limit: int = 1000) -> list[ActionRecord]:
        """The account's planned actions whose time has come, oldest first."""
        statement = _select().where(
            _actions.account_id == account_id,
            _actions.status == ActionStatus.PLANNED,
            _actions.next_attempt_at <= now,
        )
        rows = await self._transaction.all(statement.order_by(_actions.id).limit(limit))
        return [_record(row) for row in rows]

    async def next_due(self, account_id: int) -> datetime | None:
        """When the account's next planned action is due, None where there is none."""
        statement = (
            select(_actions.next_attempt_at)
            .where(_actions.account_id == account_id, _actions.status == ActionStatus.PLANNED)
            .order_by(_actions.next_attempt_at)
            .limit(1)
        )
        due: datetime | None = await self._transaction.scalar(statement)
        return due

    async def for_message(self, message_id: int) -> list[ActionRecord]:
        """All actions of the message, oldest first."""
        statement = _select().where(_actions.message_id == message_id).order_by(_actions.id)
        return [_record(row) for row in await self._transaction.all(statement)]

    async def own_flags(self, mailbox_id: int, uidvalidity: int) -> dict[int, tuple[str, ...]]:
        """The flags that planned actions add to messages of the mailbox, by UID.

        They are ours, whether the server has them already or not, and no news to anybody.
        """
        statement = select(_actions.uid, _actions.target).where(
            _actions.mailbox_id == mailbox_id,
            _actions.uidvalidity == uidvalidity,
            _actions.kind == ActionKind.ADD_FLAGS,
            _actions.status == ActionStatus.PLANNED,
        )
        rows = await self._transaction.all(statement)
        return {row.uid: tuple(row.target.split()) for row in rows}

    async def done(
        self,
        action_id: int,
        *,
        at: datetime,
        uidvalidity: int | None = None,
        uid: int | None = None,
    ) -> bool:
        """The server has done it; for a move with the new location, where it has told that.

        False if it was not planned any more, and nothing is changed then.
        """
        return await self._settle(
            action_id,
            status=ActionStatus.DONE,
            done_at=at,
            result_uidvalidity=uidvalidity,
            result_uid=uid,
            last_error=None,
            attempts=_actions.attempts + 1,
        )

    async def failed(
        self, action_id: int, error: str, *, next_attempt_at: datetime | None = None
    ) -> None:
        """It did not work: again at *next_attempt_at*, or never where that is None."""
        status = ActionStatus.FAILED if next_attempt_at is None else ActionStatus.PLANNED
        await self._transaction.execute(
            update(tables.actions)
            .where(_actions.id == action_id, _actions.status == ActionStatus.PLANNED)
            .values(
                status=status,
                next_attempt_at=next_attempt_at,
                last_error=error,
                attempts=_actions.attempts + 1,
            )
        )

    async def void(self, action_id: int, reason: str, *, at: datetime) -> bool:
        """It is not to be done any more, since others have moved or deleted the message.

        False if it was not planned any more, and nothing is changed then.
        """
        return await self._settle(
            action_id, status=ActionStatus.VOID, done_at=at, last_error=reason
        )

    async def follow(self, message_id: int, *, mailbox_id: int, uidvalidity: int, uid: int) -> None:
        """Let the message's planned actions find it at its new location."""
        await self._transaction.execute(
            update(tables.actions)
            .where(_actions.message_id == message_id, _actions.status == ActionStatus.PLANNED)
            .values(mailbox_id=mailbox_id, uidvalidity=uidvalidity, uid=uid)
        )

    async def counts(self) -> dict[tuple[ActionKind, ActionStatus], int]:
        """How many actions of each kind stand where; what is zero is left out."""
        rows = await self._transaction.all(
            select(_actions.kind, _actions.status, func.count().label("number")).group_by(
                _actions.kind, _actions.status
            )
        )
        return {(ActionKind(row.kind), ActionStatus(row.status)): row.number for row in rows}

    async def _settle(self, action_id: int, **values: Any) -> bool:
        changed = await self._transaction.execute(
            update(tables.actions)
            .where(_actions.id == action_id, _actions.status == ActionStatus.PLANNED)
            .values(next_attempt_at=None, **values)
        )
        return changed > 0


def _select() -> Select[Any]:
    return select(tables.actions, tables.mailboxes.c.name.label("mailbox")).join_from(
        tables.actions, tables.mailboxes
    )


def _record(row: Row[Any]) -> ActionRecord:
    return ActionRecord(
        id=row.id,
        message_id=row.message_id,
        account_id=row.account_id,
        kind=ActionKind(row.kind),
        mailbox_id=row.mailbox_id,
        mailbox=row.mailbox,
        uidvalidity=row.uidvalidity,
        uid=row.uid,
        target=row.target,
        status=ActionStatus(row.status),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_error=row.last_error,
        result_uidvalidity=row.result_uidvalidity,
        result_uid=row.result_uid,
        created_at=row.created_at,
        done_at=row.done_at,
    )
