"""One transaction as the repositories see it: statements in, rows out, errors in our own words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import Executable, Row, Table, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sage_mail.errors import StorageError
from sage_mail.storage import tables
from sage_mail.storage.connections import DatabaseConnection, Parameters
from sage_mail.storage.errors import translated

__all__ = ["Transaction"]

_counter = tables.counters.c
_LOCK_NUMBERS: Final = (
    select(_counter.value).where(_counter.name == tables.EVENTS).with_for_update()
)
_SET_NUMBERS: Final = (
    update(tables.counters).where(_counter.name == tables.EVENTS).values(value=bindparam("last"))
)
# In the order of their foreign keys.
_COLLECTED: Final = (
    tables.contents,
    tables.attachments,
    tables.analyses,
    tables.events,
    tables.deliveries,
    tables.attempts,
)


class Transaction:
    """An open transaction on one connection, for reading if there is no *on_commit*.

    Rows of some tables are collected and written together, at the commit or before they are read:
    many messages then cost few trips to the server. These rows can hardly be refused (their text
    is made storable, their keys are ours), so that no message of a batch harms the others by it.

    *on_commit* is called after a commit that has something for others who wait.
    """

    def __init__(
        self, connection: DatabaseConnection, *, on_commit: Callable[[], None] | None
    ) -> None:
        self._connection = connection
        self._on_commit = on_commit
        self._wakes = False
        self._collected: dict[Table, list[Mapping[str, Any]]] = {t: [] for t in _COLLECTED}
        self._last_seq: int | None = None
        self._written_seq: int | None = None

    @property
    def is_sqlite(self) -> bool:
        """True on SQLite, False on PostgreSQL."""
        return self._connection.is_sqlite

    def wake_others(self) -> None:
        """Let the commit wake those who wait for commits."""
        self._wakes = True

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> int:
        """Execute the statement, once for each mapping of a list; the number of rows changed."""
        with translated():
            return await self._connection.execute(statement, parameters)

    async def all(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Sequence[Row[Any]]:
        """All rows of the statement."""
        with translated():
            return await self._connection.fetch(statement, parameters)

    async def read(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Sequence[Row[Any]]:
        """All rows of the query, those included that are only collected yet."""
        await self.flush()
        return await self.all(statement, parameters)

    async def first(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Row[Any] | None:
        """The first row of a statement that an index answers, None where there is none."""
        with translated():
            return await self._connection.fetch_first(statement, parameters)

    async def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """The first column of the first row, see `first`; None where there is none."""
        row = await self.first(statement, parameters)
        return None if row is None else row[0]

    async def insert_or_ignore(self, table: Table, values: Parameters) -> int:
        """Insert what no unique index has already; the number of rows inserted.

        If another transaction is just inserting the same, its end is awaited.
        """
        dialect = sqlite if self.is_sqlite else postgresql
        statement: Executable = dialect.insert(table).on_conflict_do_nothing()
        return await self.execute(statement, values)

    async def next_seq(self) -> int:
        """The number of the next event; other transactions' events wait from now on for our end."""
        if self._last_seq is None:
            self._last_seq = self._written_seq = int(await self.scalar(_LOCK_NUMBERS))
        self._last_seq += 1
        return self._last_seq

    def collect(self, table: Table, *rows: Mapping[str, Any]) -> None:
        """Let the rows be written to the table, which must be one of `_COLLECTED`."""
        self._collected[table].extend(rows)

    async def flush(self) -> None:
        """Write the rows collected so far."""
        for table, rows in self._collected.items():
            if rows:
                await self._insert_collected(table, rows)
                self._collected[table] = []
        if self._last_seq != self._written_seq:
            await self.execute(_SET_NUMBERS, {"last": self._last_seq})
            self._written_seq = self._last_seq

    async def _insert_collected(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if table is tables.deliveries:
            await self.insert_or_ignore(table, rows)
        else:
            await self.execute(insert(table), rows)

    async def commit(self) -> None:
        """Commit; the transaction is over afterwards."""
        if self._on_commit is None:
            raise StorageError("a unit of work for reading has nothing to commit")
        await self.flush()
        try:
            with translated():
                await self._connection.commit()
        finally:
            # Even if it failed or was cancelled: the database may have committed all the same.
            if self._wakes:
                self._on_commit()

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part of the transaction that is undone alone if the block raises; the error goes on."""
        with translated():
            nested = await self._connection.savepoint()
        # Copies, because a flush inside the block empties the lists and is itself undone.
        collected = {table: rows.copy() for table, rows in self._collected.items()}
        numbers = self._last_seq, self._written_seq
        try:
            yield
        except BaseException:
            # The lock on the numbers is gone too if it was taken inside; then it is None again.
            self._collected = collected
            self._last_seq, self._written_seq = numbers
            with translated():
                await nested.rollback()
            raise
        with translated():
            await nested.release()
