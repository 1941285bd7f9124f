"""The database's errors in the system's words.

Only this package imports SQLAlchemy, so nothing of it may leave the package. The driver's own text
is left out on purpose, and so is the chain to it: PostgreSQL quotes the row that it refuses, which
is text of the mail. Why there is no connection is read out of that text and told in words of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sage_mail.errors import StorageError, StorageUnavailable

__all__ = ["RecordRejected", "translated", "unavailable"]

_PROGRAM_LIMIT = "54"
_LOG_IN: Final = "it refuses the log-in; see user and password in database.url"
# Connection, log-in, name of the database, resources, operator: none of them quotes a row.
_NO_CONNECTION: Final = ("08", "28", "3D", "53", "57")
# What PostgreSQL, its client or SQLite say, and what it means. The first that fits counts; a server
# that speaks another language than English is told by the kind of its error alone.
_MEANINGS: Final = (
    ("connection refused", "the connection is refused; see that it runs there"),
    ("password authentication failed", _LOG_IN),
    ("no password supplied", _LOG_IN),
    ("no pg_hba.conf entry", _LOG_IN),
    ('role "', _LOG_IN),
    ("does not exist", "it has no database of that name; create it"),
    ("resolve host", "the name of its host has no address; correct it in database.url"),
    ("translate host name", "the name of its host has no address; correct it in database.url"),
    ("timeout expired", "it does not answer; see that it runs, and the firewall"),
    ("no route to host", "there is no way to its host; see the network"),
    ("network is unreachable", "there is no way to its host; see the network"),
    ("no such file or directory", "its socket is not there; see that it runs"),
    ("too many clients", "it takes no more connections; see max_connections"),
    ("connection slots", "it takes no more connections; see max_connections"),
    ("starting up", "it is just starting"),
    ("shutting down", "it is just stopping"),
    ("certificate", "its certificate cannot be verified; see sslmode and sslrootcert"),
    ("server closed the connection", "it has closed the connection; see its log"),
    ("unable to open database file", "it cannot be opened; see who may read it and its folder"),
    ("readonly database", "it may only be read; see who may write it and its folder"),
    ("disk is full", "the disk is full"),
    ("disk i/o error", "the disk fails"),
    ("is not a database", "the file is something else; name another in database.url"),
    ("database is locked", "another program keeps it locked"),
)


class RecordRejected(StorageError):
    """The database refuses this one record: a value is out of range, or its place is taken.

    Inside a savepoint nothing else is affected; trying the same again does not help.
    """


@contextmanager
def translated(database: str = "the database") -> Iterator[None]:
    """Raise `StorageError` or a subclass for what the database raises.

    *database* is what it is called there, without credentials.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise _translate(error, database) from None  # see the header: the cause may quote mail
    except (OverflowError, TypeError, ValueError) as error:
        # What no driver can send: an integer of more than 64 bits, a value that is no JSON.
        raise RecordRejected(f"a value cannot be stored ({type(error).__name__})") from None


def unavailable(error: psycopg.Error, database: str) -> StorageUnavailable:
    """What is to be raised where a connection past SQLAlchemy fails; see `translated`."""
    what = f"{_describe(error)}{_meaning(error)}"
    return StorageUnavailable(f"{database} cannot be used now: {what}")


def _translate(error: SQLAlchemyError, database: str) -> StorageError:
    if isinstance(error, PoolTimeout):
        return StorageUnavailable(f"all connections to {database} are in use")
    if isinstance(error, PendingRollbackError):
        return StorageUnavailable(f"the connection to {database} was lost")
    if isinstance(error, DBAPIError):
        return _translate_driver(error, database)
    if isinstance(error, StatementError):
        return RecordRejected(f"a value cannot be stored ({type(error.orig).__name__})")
    return StorageError(f"the database layer failed ({type(error).__name__})")


def _translate_driver(error: DBAPIError, database: str) -> StorageError:
    what = _describe(error.orig)
    state = getattr(error.orig, "sqlstate", None) or ""
    if isinstance(error, IntegrityError | DataError) or state.startswith(_PROGRAM_LIMIT):
        return RecordRejected(f"{database} refuses a record: {what}")
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return StorageUnavailable(f"{database} cannot be used now: {what}{_meaning(error.orig)}")
    return StorageError(f"{database} failed: {what}{_meaning(error.orig)}")


def _describe(orig: BaseException | None) -> str:
    """The kind of the error and the constraint that it names, no value of any row."""
    diagnosis = getattr(orig, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None)
    code = getattr(orig, "sqlite_errorname", None) or getattr(orig, "sqlstate", None)
    parts = [type(orig).__name__, code, constraint]
    return " ".join(str(part) for part in parts if part)


def _meaning(orig: BaseException | None) -> str:
    """What it means that the database cannot be used, as far as that is known.

    Where the error is about a statement its text may hold anything, so nothing is read out of it.
    """
    state = getattr(orig, "sqlstate", None)
    if state is not None and not state.startswith(_NO_CONNECTION):
        return ""
    text = str(orig).lower()
    return next((f": {meaning}" for sign, meaning in _MEANINGS if sign in text), "")
