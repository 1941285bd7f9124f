"""The database's errors in the system's words.

Only this package imports SQLAlchemy, so nothing of it may leave the package. The driver's own text
is left out on purpose, and so is the chain to it: PostgreSQL quotes the row that it refuses, which
is text of the mail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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

__all__ = ["RecordRejected", "translated"]

_PROGRAM_LIMIT = "54"


class RecordRejected(StorageError):
    """The database refuses this one record: a value is out of range, or its place is taken.

    Inside a savepoint nothing else is affected; trying the same again does not help.
    """


@contextmanager
def translated() -> Iterator[None]:
    """Raise `StorageError` or a subclass for what the database raises."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _translate(error) from None  # see the header: the cause may quote mail
    except (OverflowError, TypeError, ValueError) as error:
        # What no driver can send: an integer of more than 64 bits, a value that is no JSON.
        raise RecordRejected(f"a value cannot be stored ({type(error).__name__})") from None


def _translate(error: SQLAlchemyError) -> StorageError:
    if isinstance(error, PoolTimeout):
        return StorageUnavailable("all connections to the database are in use")
    if isinstance(error, PendingRollbackError):
        return StorageUnavailable("the connection to the database was lost")
    if isinstance(error, DBAPIError):
        return _translate_driver(error)
    if isinstance(error, StatementError):
        return RecordRejected(f"a value cannot be stored ({type(error.orig).__name__})")
    return StorageError(f"the database layer failed ({type(error).__name__})")


def _translate_driver(error: DBAPIError) -> StorageError:
    what = _describe(error)
    state = getattr(error.orig, "sqlstate", None) or ""
    if isinstance(error, IntegrityError | DataError) or state.startswith(_PROGRAM_LIMIT):
        return RecordRejected(f"the database refuses a record: {what}")
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return StorageUnavailable(f"the database cannot be used now: {what}")
    return StorageError(f"the database failed: {what}")


def _describe(error: DBAPIError) -> str:
    """The kind of the error and the constraint that it names, no value of any row."""
    orig = error.orig
    diagnosis = getattr(orig, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None)
    code = getattr(orig, "sqlite_errorname", None) or getattr(orig, "sqlstate", None)
    parts = [type(orig).__name__, code, constraint]
    return " ".join(str(part) for part in parts if part)
