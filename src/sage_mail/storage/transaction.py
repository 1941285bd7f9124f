"""One transaction as the repositories see it: statements in, rows out, errors in our own words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import CursorResult, Executable, Row, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from sage_mail.errors import StorageError
from sage_mail.storage.errors import translated

__all__ = ["Transaction"]

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Transaction:
    """An open transaction on one connection, for reading if there is no *on_commit*.

    ``wakes`` is set by the repositories whose writes others wait for; *on_commit* is called after
    the commit if it is set.
    """

    def __init__(
        self, connection: AsyncConnection, *, on_commit: Callable[[], None] | None
    ) -> None:
        self._connection = connection
        self._on_commit = on_commit
        self.wakes = False

    async def execute(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> CursorResult[Any]:
        """Execute the statement, once for each mapping if there is a list of them."""
        with translated():
            return await self._connection.execute(statement, parameters)

    async def all(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        """All rows of the statement."""
        return (await self.execute(statement, parameters)).all()

    async def first(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Row[Any] | None:
        """The first row of the statement, None where there is none."""
        return (await self.execute(statement, parameters)).first()

    async def scalar(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Any:
        """The first column of the first row, None where there is none."""
        return (await self.execute(statement, parameters)).scalar()

    async def insert_or_ignore(self, table: Table, values: Mapping[str, Any]) -> bool:
        """Insert the row unless a unique index already has it; True if it was inserted.

        If another transaction is just inserting the same, its end is awaited.
        """
        if self._connection.dialect.name == "postgresql":
            statement: Executable = postgresql.insert(table).on_conflict_do_nothing()
        else:
            statement = sqlite.insert(table).on_conflict_do_nothing()
        return (await self.execute(statement, values)).rowcount > 0

    async def commit(self) -> None:
        """Commit; the transaction is over afterwards."""
        if self._on_commit is None:
            raise StorageError("a unit of work for reading has nothing to commit")
        try:
            with translated():
                await self._connection.commit()
        finally:
            # Even if it failed or was cancelled: the database may have committed all the same.
            if self.wakes:
                self._on_commit()

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part of the transaction that is undone alone if the block raises; the error goes on."""
        with translated():
            nested = await self._connection.begin_nested()
        try:
            yield
        except BaseException:
            with translated():
                await nested.rollback()
            raise
        with translated():
            await nested.commit()
