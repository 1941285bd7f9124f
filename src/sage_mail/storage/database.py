"""The database's engine: how each database is made to keep the laws.

SQLite: WAL with ``synchronous=FULL`` (a commit survives a power cut), foreign keys on, and every
transaction begun by ourselves, since the driver's own way neither takes the write lock at the
beginning nor knows savepoints. One writer at a time within the process, by a lock in order of
arrival; other processes are waited for by SQLite itself.

PostgreSQL: READ COMMITTED for writers, one snapshot for readers, time zone UTC.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine

from sage_mail.errors import ConfigError
from sage_mail.files import make_private_file, make_private_folder
from sage_mail.storage.columns import json_text
from sage_mail.storage.connections import (
    WRITES,
    DatabaseConnection,
    PostgresConnection,
    SqliteConnection,
)
from sage_mail.storage.errors import translated
from sage_mail.storage.urls import address, is_sqlite, normalised

__all__ = ["Database", "open_database"]

# An attempt to begin cannot be cancelled, and a stop may take less than ten seconds in all.
_BUSY_SECONDS: Final = 5.0
_CONNECTIONS: Final = 20


class Database(Protocol):
    """Connections to one database."""

    def write(self) -> AbstractAsyncContextManager[DatabaseConnection]:
        """A connection in a transaction that may write; what is not committed is rolled back."""

    def read(self) -> AbstractAsyncContextManager[DatabaseConnection]:
        """A connection that sees the database as it was at its first statement."""

    async def close(self) -> None:
        """Close all connections."""


def open_database(url: str) -> Database:
    """The database at the URL; nothing is connected yet.

    Raises:
        ConfigError: the URL cannot be used.
    """
    known = normalised(url)
    return _Sqlite(known) if is_sqlite(known) else _Postgres(known)


class _Sqlite:
    def __init__(self, url: URL) -> None:
        self._name = f"the database {url.database}"
        _make_file(Path(url.database or ""))
        self._engine = create_engine(
            url,
            connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
            hide_parameters=True,  # no text of a mail in an error
            json_serializer=json_text,
            pool_size=_CONNECTIONS,
        )
        event.listen(self._engine, "connect", _prepare_sqlite)
        event.listen(self._engine, "begin", _begin_sqlite)
        # A thread for each connection, or those that hold one could wait for those that want one.
        self._threads = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="sage-sqlite")
        self._open = asyncio.Semaphore(_CONNECTIONS)
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[DatabaseConnection]:
        async with self._writing, self._connection(writes=True) as connection:
            yield connection

    def read(self) -> AbstractAsyncContextManager[DatabaseConnection]:
        return self._connection(writes=False)

    async def close(self) -> None:
        self._threads.shutdown(wait=True)
        self._engine.dispose()

    @asynccontextmanager
    async def _connection(self, *, writes: bool) -> AsyncIterator[DatabaseConnection]:
        async with self._open:
            connection = SqliteConnection(self._threads)
            try:
                with translated(self._name):
                    await connection.open(self._engine, writes=writes)
                yield connection
            finally:
                with translated():
                    await connection.close()


class _Postgres:
    def __init__(self, url: URL) -> None:
        self._name = f"the database at {address(url)}"
        self._engine = create_async_engine(
            url,
            hide_parameters=True,
            json_serializer=json_text,
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,  # a server that was restarted is met by a new connection
        )
        event.listen(self._engine.sync_engine, "connect", _prepare_postgresql)

    def write(self) -> AbstractAsyncContextManager[DatabaseConnection]:
        return self._connection()

    def read(self) -> AbstractAsyncContextManager[DatabaseConnection]:
        return self._connection(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def _connection(self, **options: Any) -> AsyncIterator[DatabaseConnection]:
        with translated(self._name):
            connection = await self._engine.connect()
        try:
            with translated():
                await connection.execution_options(**options)
                await connection.begin()
            yield PostgresConnection(connection)
        finally:
            with translated():
                await connection.close()


def _make_file(path: Path) -> None:
    """Make what is missing of the file and its folder; the journals take over its permissions."""
    try:
        make_private_folder(path.parent)
        make_private_file(path)
    except OSError as error:
        raise ConfigError(
            f"the database {path} cannot be made: {error.strerror}; set another data_dir or "
            "database.url, or let the user of sage-mail write there"
        ) from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_postgresql(connection: Any, _record: object) -> None:
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET TIME ZONE 'UTC'")
    cursor.close()
    connection.autocommit = False
