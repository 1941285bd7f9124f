"""Bringing a database to the newest schema, safely when several processes start at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from sage_mail.errors import SchemaOutdated, StorageError
from sage_mail.storage.database import Database
from sage_mail.storage.errors import translated

__all__ = ["ensure_schema"]

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Any number that no other program uses for pg_advisory_xact_lock in the same database.
_LOCK: Final = 0x5A6E_0001


async def ensure_schema(database: Database, *, migrate: bool) -> None:
    """Leave the database with the schema of `tables`, or raise.

    Migrations run in one transaction, which excludes those of other processes.

    Raises:
        SchemaOutdated: the schema is older than this program or missing, and *migrate* is False.
        StorageError: the schema is newer than this program.
    """
    async with database.read() as connection:
        with translated():
            revision = await connection.run(_revision)
    if revision == _script().get_current_head():
        return
    if not migrate:
        raise SchemaOutdated(empty=revision is None)
    async with database.write() as connection:
        with translated():
            await connection.run(_upgrade)
            await connection.commit()


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _revision(connection: Connection) -> str | None:
    """What the database has, which this program knows; None where it has nothing of ours."""
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None:
        try:
            _script().get_revision(revision)
        except CommandError as error:
            raise StorageError(
                f"the database's schema ({revision}) is newer than this program; nothing was "
                "changed; use the program's newer version"
            ) from error
    return revision


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # SQLite's write lock does this already.
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
