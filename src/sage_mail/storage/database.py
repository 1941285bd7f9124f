"""The database's engine: which URLs are taken, and how each database is made to keep the laws.

SQLite: WAL with ``synchronous=FULL`` (a commit survives a power cut), foreign keys on, and every
transaction begun by ourselves, since the driver's own way neither takes the write lock at the
beginning nor knows savepoints. One writer at a time within the process, by a lock in order of
arrival; other processes are waited for by SQLite itself.

PostgreSQL: READ COMMITTED for writers, one snapshot for readers, time zone UTC.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from sage_mail.errors import ConfigError
from sage_mail.storage.errors import translated

__all__ = ["Database"]

_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}
# Another process may be writing a large batch; longer than this it has gone wrong.
_BUSY_SECONDS: Final = 30
_POOL_SIZE: Final = 10
_MOST_BEYOND_POOL: Final = 20
_WRITES: Final = "sage_writes"


class Database:
    """Connections to one database."""

    def __init__(self, url: str) -> None:
        self._url = _normalised(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = self._make_engine()
        self._writing = asyncio.Lock() if self.is_sqlite else None

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that may write; what is not committed is rolled back."""
        async with (
            self._writing or nullcontext(),
            self._connection(**{_WRITES: True}) as connection,
        ):
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees the database as it was at its first statement."""
        options: dict[str, Any] = {}
        if not self.is_sqlite:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        async with self._connection(**options) as connection:
            yield connection

    async def close(self) -> None:
        """Close all connections that are not in use."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _connection(self, **options: Any) -> AsyncIterator[AsyncConnection]:
        with translated():
            connection = await self._engine.connect()
        try:
            with translated():
                await connection.execution_options(**options)
                await connection.begin()
            yield connection
        finally:
            with translated():
                await connection.close()

    def _make_engine(self) -> AsyncEngine:
        options: dict[str, Any] = {
            "hide_parameters": True,  # no text of a mail in an error
            "json_serializer": _to_json,
            "pool_size": _POOL_SIZE,
            "max_overflow": _MOST_BEYOND_POOL,
        }
        if self.is_sqlite:
            Path(self._url.database or "").parent.mkdir(parents=True, exist_ok=True)
            engine = create_async_engine(
                self._url, connect_args={"timeout": _BUSY_SECONDS}, **options
            )
            event.listen(engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(engine.sync_engine, "begin", _begin_sqlite)
            return engine
        engine = create_async_engine(self._url, pool_pre_ping=True, **options)
        event.listen(engine.sync_engine, "connect", _prepare_postgresql)
        return engine


def _normalised(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ConfigError(
            "database.url is not a URL; use sqlite:///path/to/file.db or "
            "postgresql://user:password@host/name"
        ) from error
    backend = url.drivername.partition("+")[0]
    if backend not in _DRIVERS:
        raise ConfigError(f"database.url names {backend}; use sqlite or postgresql")
    if backend == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigError("database.url names no file; use sqlite:///path/to/file.db")
    return url.set(drivername=_DRIVERS[backend])


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_postgresql(connection: Any, _record: object) -> None:
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET TIME ZONE 'UTC'")
    cursor.close()
    connection.autocommit = False
