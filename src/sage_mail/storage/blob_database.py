"""Small blobs, many in one SQLite file, whatever the database of the rows is.

Its transactions are durable when they return (``synchronous=FULL``, https://sqlite.org/pragma.html)
and one process may read or write while others do. SQLite itself says that what is below some
100 KB is served faster from it than from files (https://sqlite.org/intern-v-extern-blob.html).
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sage_mail.errors import StorageError
from sage_mail.files import make_private_file, make_private_folder

__all__ = ["BlobDatabase", "BlobDatabaseDamaged"]

# Another process may be writing a large batch.
_WAIT_FOR_OTHERS_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.02
# The largest page, which needs the fewest of them for a blob, costs a small blob too much space.
_PAGE_OCTETS: Final = 16 * 1024
_SETTINGS: Final = (
    f"PRAGMA page_size = {_PAGE_OCTETS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
)
_TABLE: Final = "CREATE TABLE IF NOT EXISTS blob (sha256 BLOB PRIMARY KEY, octets BLOB NOT NULL)"
_PUT: Final = "INSERT INTO blob VALUES (?, ?) ON CONFLICT DO NOTHING"
_READ: Final = "SELECT octets FROM blob WHERE sha256 = ?"
_HAS: Final = "SELECT 1 FROM blob WHERE sha256 = ?"


# https://sqlite.org/rescode.html: the low byte is the kind, what is above it the details.
_KIND: Final = 0xFF
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class BlobDatabaseDamaged(StorageError):
    """The file is damaged, all of it or where it was looked into."""


class BlobDatabase:
    """The file at *path*, which is made with the first blob; any thread may use it, one at a time.

    Blobs are named by the hexadecimal text of their hash.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    def put(self, blobs: Mapping[str, bytes]) -> None:
        """Keep all or none; what is kept already is left alone.

        Raises:
            BlobDatabaseDamaged: the file is no database, or damaged where they belong.
            StorageError: they cannot be written now.
        """
        rows = [(bytes.fromhex(sha256), data) for sha256, data in blobs.items()]
        with self._used("written") as connection, connection:
            connection.executemany(_PUT, rows)

    def read(self, sha256: str) -> bytes | None:
        """The blob as it is kept; None where it is not. Raises as `put` does."""
        found = self._first(_READ, sha256)
        return found[0] if found is not None else None

    def has(self, sha256: str) -> bool:
        """Whether the blob is kept."""
        return self._first(_HAS, sha256) is not None

    def close(self) -> None:
        """Close the file; it cannot be used any more."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _first(self, query: str, sha256: str) -> tuple[bytes] | None:
        if self._connection is None and not self._path.exists():
            return None
        with self._used("read") as connection:
            found: tuple[bytes] | None = connection.execute(
                query, (bytes.fromhex(sha256),)
            ).fetchone()
        return found

    @contextmanager
    def _used(self, how: str) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                if self._closed:
                    raise StorageError("the store of blobs is closed")
                if self._connection is None:
                    self._connection = _open(self._path)
                yield self._connection
        except sqlite3.Error as error:
            what = getattr(error, "sqlite_errorname", None) or type(error).__name__
            code = getattr(error, "sqlite_errorcode", 0)
            kind = BlobDatabaseDamaged if code & _KIND in _DAMAGED else StorageError
            raise kind(f"blobs cannot be {how} in {self._path}: {what}") from error
        except OSError as error:
            raise StorageError(
                f"blobs cannot be {how} in {self._path}: {error.strerror}"
            ) from error


def _open(path: Path) -> sqlite3.Connection:
    make_private_folder(path.parent)
    # Nobody else may read it, nor the journals, which take over its permissions.
    make_private_file(path)
    until = time.monotonic() + _WAIT_FOR_OTHERS_SECONDS
    while True:
        try:
            return _connected(path)
        except sqlite3.OperationalError as error:
            # While another process makes the file, SQLite does not wait.
            if error.sqlite_errorcode & _KIND != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(_PAUSE_SECONDS)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_FOR_OTHERS_SECONDS, check_same_thread=False)
    try:
        for statement in (*_SETTINGS, _TABLE):
            with closing(connection.execute(statement)):
                pass
    except BaseException:
        connection.close()
        raise
    return connection
