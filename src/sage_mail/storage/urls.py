"""Which URLs name a database, and what is told of them: never a user or a password."""

from __future__ import annotations

from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from sage_mail.errors import ConfigError

__all__ = ["address", "is_sqlite", "normalised"]

_DRIVERS: Final = {
    "sqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}
_POSTGRES_PORT: Final = 5432


def normalised(text: str) -> URL:
    """The URL, with the driver that is used here.

    Raises:
        ConfigError: it is none, or of a database that is not known.
    """
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


def is_sqlite(url: URL) -> bool:
    """True if the URL is one of SQLite, False if it is one of PostgreSQL."""
    return url.get_backend_name() == "sqlite"


def address(url: URL) -> str:
    """Where a PostgreSQL is."""
    host = url.host or url.query.get("host") or "the local socket"
    port = url.port or url.query.get("port") or _POSTGRES_PORT
    return f"{host if isinstance(host, str) else ','.join(host)}:{port}"
