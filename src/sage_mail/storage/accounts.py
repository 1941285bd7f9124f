"""The accounts and the state of their connections."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from sage_mail.errors import StorageError
from sage_mail.records import AccountRecord, AccountState
from sage_mail.storage import tables
from sage_mail.storage.transaction import Transaction

__all__ = ["Accounts"]

_accounts = tables.accounts.c


class Accounts:
    """Repository of the accounts, which come into being by being asked for."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def get_or_create(self, name: str) -> AccountRecord:
        """The account of this name in the settings, made now if it is not known yet."""
        found = await self.find(name)
        if found is None:
            values = {"name": name, "state": AccountState.UNKNOWN}
            await self._transaction.insert_or_ignore(tables.accounts, values)
            found = await self.find(name)
        if found is None:
            raise StorageError("an account disappeared while it was being made")
        return found

    async def find(self, name: str) -> AccountRecord | None:
        """The account of this name."""
        row = await self._transaction.first(select(tables.accounts).where(_accounts.name == name))
        return None if row is None else _record(row)

    async def list(self) -> list[AccountRecord]:
        """All accounts that have ever been watched, by name."""
        rows = await self._transaction.all(select(tables.accounts).order_by(_accounts.name))
        return [_record(row) for row in rows]

    async def set_state(
        self,
        account_id: int,
        state: AccountState,
        *,
        since: datetime,
        error: str | None = None,
    ) -> bool:
        """Note the state of the connection; True if it differs from the state noted before.

        A state that lasts keeps the instant at which it began; the error is always noted.
        """
        changed = await self._transaction.execute(
            update(tables.accounts)
            .where(_accounts.id == account_id, _accounts.state != state)
            .values(state=state, state_since=since, last_error=error)
        )
        if changed == 0:
            await self._transaction.execute(
                update(tables.accounts).where(_accounts.id == account_id).values(last_error=error)
            )
        return changed > 0


def _record(row: Row[Any]) -> AccountRecord:
    return AccountRecord(
        id=row.id,
        name=row.name,
        state=AccountState(row.state),
        state_since=row.state_since,
        last_error=row.last_error,
    )
