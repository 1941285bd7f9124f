"""What a transaction needs of a connection, and how SQLite and PostgreSQL provide it.

SQLite is used without an asynchronous driver, since every step of one is a trip to another thread,
which costs more than the step: a row is written in 0.05 ms and a trip takes 0.1 to 0.2 ms. What may
wait for a lock, for a flush of the disk or for many rows runs in a thread: the BEGIN of a writer,
COMMIT and queries. A row that is written inside an open transaction goes into the page cache and
waits for nothing; one that is found by an index is a few pages, in the cache as a rule. The BEGIN
of a reader takes no lock.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Final, Protocol, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, Executable, Row
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from sage_mail.errors import StorageUnavailable

__all__ = [
    "WRITES",
    "DatabaseConnection",
    "Parameters",
    "PostgresConnection",
    "Savepoint",
    "SqliteConnection",
]

_T = TypeVar("_T")
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]

# The execution option by which a connection's BEGIN takes the write lock.
WRITES: Final = "sage_writes"
# Another process may be writing a large batch; longer than this it has gone wrong.
_WAIT_FOR_WRITERS_SECONDS: Final = 30.0


class Savepoint(Protocol):
    """An open savepoint."""

    async def release(self) -> None:
        """Keep what was done since."""

    async def rollback(self) -> None:
        """Undo what was done since."""


class DatabaseConnection(Protocol):
    """A connection in a transaction."""

    @property
    def is_sqlite(self) -> bool:
        """True on SQLite, False on PostgreSQL."""

    async def execute(self, statement: Executable, parameters: Parameters | None) -> int:
        """The number of rows that the statement has changed."""

    async def fetch(
        self, statement: Executable, parameters: Parameters | None
    ) -> Sequence[Row[Any]]:
        """All rows of the statement."""

    async def fetch_first(
        self, statement: Executable, parameters: Parameters | None
    ) -> Row[Any] | None:
        """The first row of a statement that an index answers, None where there is none."""

    async def savepoint(self) -> Savepoint:
        """A new savepoint."""

    async def commit(self) -> None:
        """End the transaction and keep it."""

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """The result of work that needs SQLAlchemy's synchronous connection."""

    async def close(self) -> None:
        """Undo what is not committed and give the connection back."""


class SqliteConnection:
    """A connection to SQLite; *threads* must have one for each connection that is open."""

    is_sqlite = True

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._opened: Connection | None = None
        self._depth = 0

    async def open(self, engine: Engine, *, writes: bool) -> None:
        """Connect and begin the transaction; other processes' writers are waited for."""
        if not writes and engine.pool.checkedin():  # type: ignore[attr-defined]
            self._begin(engine, writes)
            return
        deadline = time.monotonic() + _WAIT_FOR_WRITERS_SECONDS
        while True:
            try:
                # Each attempt waits for the busy timeout of the engine, and between them we can
                # be cancelled.
                await self._in_thread(self._begin, engine, writes)
            except OperationalError as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
            else:
                return

    async def execute(self, statement: Executable, parameters: Parameters | None) -> int:
        """See `DatabaseConnection`."""
        return self._connection.execute(statement, parameters).rowcount

    async def fetch(
        self, statement: Executable, parameters: Parameters | None
    ) -> Sequence[Row[Any]]:
        """See `DatabaseConnection`."""
        if statement.is_dml:
            return self._connection.execute(statement, parameters).all()
        return await self._in_thread(lambda: self._connection.execute(statement, parameters).all())

    async def fetch_first(
        self, statement: Executable, parameters: Parameters | None
    ) -> Row[Any] | None:
        """See `DatabaseConnection`."""
        return self._connection.execute(statement, parameters).first()

    async def savepoint(self) -> Savepoint:
        """See `DatabaseConnection`."""
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        self._depth += 1
        return _SqliteSavepoint(self, driver, f"s{self._depth}")

    def leave_savepoint(self) -> None:
        """The innermost savepoint is over."""
        self._depth -= 1

    async def commit(self) -> None:
        """See `DatabaseConnection`."""
        await self._in_thread(self._connection.commit)

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """See `DatabaseConnection`."""
        return await self._in_thread(work, self._connection)

    async def close(self) -> None:
        """See `DatabaseConnection`; it does not yield, so that no cancelling gets in between."""
        if self._opened is not None:
            self._opened.close()

    @property
    def _connection(self) -> Connection:
        assert self._opened is not None
        return self._opened

    def _begin(self, engine: Engine, writes: bool) -> None:  # noqa: FBT001 - run_in_executor
        if self._opened is None:
            self._opened = engine.connect().execution_options(**{WRITES: writes})
        self._opened.begin()

    async def _in_thread(self, work: Callable[..., _T], *arguments: Any) -> _T:
        """The work's result; if we are cancelled, only after the thread is off the connection."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                try:
                    await asyncio.wait([future])
                except asyncio.CancelledError:
                    continue
            future.exception()
            raise


def _is_busy(error: OperationalError) -> bool:
    return str(getattr(error.orig, "sqlite_errorname", "")).startswith("SQLITE_BUSY")


class _SqliteSavepoint:
    """A savepoint past SQLAlchemy, whose own costs as much as writing a row."""

    def __init__(self, owner: SqliteConnection, driver: sqlite3.Connection, name: str) -> None:
        self._owner = owner
        self._driver = driver
        self._name = name
        self._send(f"SAVEPOINT {name}")

    async def release(self) -> None:
        self._owner.leave_savepoint()
        self._send(f"RELEASE {self._name}")

    async def rollback(self) -> None:
        self._owner.leave_savepoint()
        self._send(f"ROLLBACK TO {self._name}")
        self._send(f"RELEASE {self._name}")

    def _send(self, statement: str) -> None:
        try:
            self._driver.execute(statement)
        except sqlite3.Error as error:
            raise StorageUnavailable(
                f"a savepoint cannot be used: {type(error).__name__}"
            ) from error


class PostgresConnection:
    """A connection to PostgreSQL.

    Savepoints go past SQLAlchemy to the driver, and one that is left is released only together with
    the next: a trip to the server costs as much as writing a row. One that is never released does
    no harm, since nothing goes back to it and the commit ends it.
    """

    is_sqlite = False

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._depth = 0
        self._left = False

    async def execute(self, statement: Executable, parameters: Parameters | None) -> int:
        """See `DatabaseConnection`."""
        return (await self._connection.execute(statement, parameters)).rowcount

    async def fetch(
        self, statement: Executable, parameters: Parameters | None
    ) -> Sequence[Row[Any]]:
        """See `DatabaseConnection`."""
        return (await self._connection.execute(statement, parameters)).all()

    async def fetch_first(
        self, statement: Executable, parameters: Parameters | None
    ) -> Row[Any] | None:
        """See `DatabaseConnection`."""
        return (await self._connection.execute(statement, parameters)).first()

    async def savepoint(self) -> Savepoint:
        """See `DatabaseConnection`."""
        name = f"s{self._depth + 1}"
        release = f"RELEASE SAVEPOINT {name}; " if self._left else ""
        await self._send(f"{release}SAVEPOINT {name}")
        self._depth += 1
        self._left = False
        return _PostgresSavepoint(self, name)

    def leave_savepoint(self) -> None:
        """The innermost savepoint is not needed any more."""
        self._depth -= 1
        self._left = True

    async def undo_savepoint(self, name: str) -> None:
        """Undo what was done since the innermost savepoint, and end it."""
        self._depth -= 1
        self._left = False
        await self._send(f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")

    async def commit(self) -> None:
        """See `DatabaseConnection`."""
        await self._connection.commit()

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """See `DatabaseConnection`."""
        return await self._connection.run_sync(work)

    async def close(self) -> None:
        """See `DatabaseConnection`."""
        await self._connection.close()

    async def _send(self, statements: str) -> None:
        raw = await self._connection.get_raw_connection()
        driver = raw.driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        try:
            await driver.execute(statements)
        except psycopg.Error as error:
            raise StorageUnavailable(
                f"a savepoint cannot be used: {type(error).__name__}"
            ) from error


class _PostgresSavepoint:
    def __init__(self, connection: PostgresConnection, name: str) -> None:
        self._connection = connection
        self._name = name

    async def release(self) -> None:
        self._connection.leave_savepoint()

    async def rollback(self) -> None:
        await self._connection.undo_savepoint(self._name)
