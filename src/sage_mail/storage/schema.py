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

from sage_mail.errors import StorageError
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
        StorageError: the schema is newer than this program, or older and *migrate* is False.
    """
    async with database.read() as connection:
        with translated():
            current = await connection.run(_is_current)
    if current:
        return
    if not migrate:
        raise StorageError(
            "the database's schema is older than this program; nothing was changed; "
            "start the program once with migrations allowed"
        )
    async with database.write() as connection:
        with translated():
            await connection.run(_upgrade)
            await connection.commit()


def _is_current(connection: Connection) -> bool:
    script = ScriptDirectory.from_config(_config())
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None:
        try:
            script.get_revision(revision)
        except CommandError as error:
            raise StorageError(
                f"the database's schema ({revision}) is newer than this program; nothing was "
                "changed; use the program's newer version"
            ) from error
    return revision == script.get_current_head()


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
