"""The door to storage: a database at its newest schema, the blob store, and the commits' signal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from sage_mail.storage.blobs import BlobStore
from sage_mail.storage.commits import CommitSignal
from sage_mail.storage.database import Database, open_database
from sage_mail.storage.schema import ensure_schema
from sage_mail.storage.tenure import Tenure, Undisputed
from sage_mail.storage.transaction import Transaction
from sage_mail.storage.unit_of_work import UnitOfWork
from sage_mail.storage.writability import Writability

__all__ = ["Storage"]


class Storage:
    """An open database with its blob store; made by `open`, ended by `close`.

    ``blobs`` keeps bytes under their SHA-256. ``commits`` wakes those who wait for what commits of
    this process add, ``writability`` says whether they come through. ``tenure`` is asked before
    anything is begun that cannot be undone.
    """

    def __init__(self, database: Database, blobs: BlobStore, tenure: Tenure | None = None) -> None:
        self._database = database
        self.tenure = tenure or Undisputed()
        self.blobs = blobs
        self.commits = CommitSignal()
        self.writability = Writability()

    @classmethod
    async def open(
        cls, url: str, *, blob_dir: Path, migrate: bool = True, tenure: Tenure | None = None
    ) -> Self:
        """Open the database at the URL (``sqlite:///path`` or ``postgresql://...``).

        The schema is created or brought up to date, unless *migrate* is False. Several processes
        may open the same database at once; the one that runs as its service has the *tenure*.

        Raises:
            ConfigError: the URL cannot be used.
            StorageUnavailable: the database cannot be reached.
            SchemaOutdated: the schema is too old, or missing, and *migrate* is False.
            StorageError: the schema is too new for this program.
        """
        database = open_database(url)
        try:
            await ensure_schema(database, migrate=migrate)
        except BaseException:
            await database.close()
            raise
        return cls(database, BlobStore(blob_dir), tenure)

    async def close(self) -> None:
        """Close all connections; units of work must be over."""
        await self._database.close()
        await self.blobs.close()

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """A unit of work that writes; leaving it without `UnitOfWork.commit` undoes everything."""
        with self.writability.attempt():
            async with self._database.write() as connection:
                transaction = Transaction(connection, on_commit=self.commits.notify)
                yield UnitOfWork(transaction)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[UnitOfWork]:
        """A unit of work for reading: one consistent view, which waits for no writer."""
        async with self._database.read() as connection:
            yield UnitOfWork(Transaction(connection, on_commit=None))
