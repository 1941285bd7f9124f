"""The endpoints: which of them are disabled, and since when one has done nothing but fail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from sage_mail.records import EndpointRecord
from sage_mail.storage import tables
from sage_mail.storage.transaction import Transaction

__all__ = ["Endpoints"]

_endpoints = tables.endpoints.c
# Made once: to build a statement costs more than to execute it.
_BY_NAME = select(tables.endpoints).where(_endpoints.name == bindparam("wanted"))
_WELL = (
    update(tables.endpoints)
    .where(_endpoints.name == bindparam("wanted"), _endpoints.failing_since.is_not(None))
    .values(failing_since=None, last_failure_at=None)
)


class Endpoints:
    """Repository of the endpoints; one gets its row with the first thing to note about it."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def get(self, name: str) -> EndpointRecord:
        """The endpoint of this name, enabled and well if nothing is noted."""
        row = await self._transaction.first(_BY_NAME, {"wanted": name})
        return EndpointRecord(name) if row is None else _record(row)

    async def note_failures(self, name: str, *, since: datetime, last: datetime) -> None:
        """It has been failing since an instant, most lately at another."""
        await self._note(name, failing_since=since, last_failure_at=last)

    async def note_success(self, name: str) -> None:
        """It is not failing any more."""
        await self._transaction.execute(_WELL, {"wanted": name})

    async def disable(self, name: str, *, reason: str, at: datetime) -> bool:
        """Send it nothing until it is enabled; False if it was disabled before."""
        if not (await self.get(name)).enabled:
            return False
        await self._note(name, enabled=False, disabled_at=at, reason=reason)
        return True

    async def enable(self, name: str) -> bool:
        """Send it what waits and what comes; False if it was enabled before."""
        if (await self.get(name)).enabled:
            return False
        await self._note(
            name,
            enabled=True,
            disabled_at=None,
            reason=None,
            failing_since=None,
            last_failure_at=None,
        )
        self._transaction.wake_others()
        return True

    async def _note(self, name: str, **values: Any) -> None:
        row = {"name": name, "enabled": True}
        await self._transaction.insert_or_ignore(tables.endpoints, row)
        await self._transaction.execute(
            update(tables.endpoints).where(_endpoints.name == name).values(**values)
        )


def _record(row: Row[Any]) -> EndpointRecord:
    return EndpointRecord(
        name=row.name,
        enabled=row.enabled,
        disabled_at=row.disabled_at,
        reason=row.reason,
        failing_since=row.failing_since,
        last_failure_at=row.last_failure_at,
    )
