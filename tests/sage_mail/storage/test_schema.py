"""Migrations make the tables that the code believes in, once, whoever starts first."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

import sage_mail.storage
from sage_mail.errors import SchemaOutdated, StorageError
from sage_mail.storage import Storage
from sage_mail.storage.database import Database, open_database
from sage_mail.storage.schema import ensure_schema
from sage_mail.storage.tables import metadata

_NEWEST = "0004"
_OPEN = """
import asyncio, pathlib, sys
from sage_mail.storage import Storage

async def main():
    storage = await Storage.open(sys.argv[1], blob_dir=pathlib.Path(sys.argv[2]))
    async with storage.unit_of_work() as uow:
        await uow.accounts.get_or_create("office")
        await uow.commit()
    await storage.close()

asyncio.run(main())
"""


async def _run(database: Database, statement: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement), None)
        await connection.commit()


async def test_the_migrated_schema_is_the_schema_of_the_tables(database_url: str) -> None:
    """Migrating an empty database leaves nothing that autogenerate would still change."""

    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))

    def names(connection: Connection) -> set[str]:
        found = inspect(connection)
        tables = found.get_table_names()
        return {str(index["name"]) for name in tables for index in found.get_indexes(name)}

    database = open_database(database_url)
    try:
        await ensure_schema(database, migrate=True)
        async with database.read() as connection:
            assert await connection.run(differences) == []
            migrated = await connection.run(names)
    finally:
        await database.close()
    assert {str(index.name) for table in metadata.sorted_tables for index in table.indexes} <= (
        migrated
    )


async def test_the_migrations_can_be_taken_back(database_url: str) -> None:
    """Going down to nothing and up again works."""

    def down(connection: Connection) -> list[str]:
        config = Config()
        folder = Path(sage_mail.storage.__file__).parent / "migrations"
        config.set_main_option("script_location", str(folder))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        return inspect(connection).get_table_names()

    database = open_database(database_url)
    try:
        await ensure_schema(database, migrate=True)
        async with database.write() as connection:
            assert await connection.run(down) == ["alembic_version"]
            await connection.commit()
        await ensure_schema(database, migrate=True)
    finally:
        await database.close()


async def test_processes_that_start_together_migrate_once(
    database_url: str, tmp_path: Path
) -> None:
    """Four processes open an empty database at once, and all of them can write to it."""
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-c", _OPEN, database_url, str(tmp_path / "blobs")),
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(4)
    ]
    results = await asyncio.gather(*(process.communicate() for process in processes))
    errors = b"".join(error for _, error in results).decode()
    assert [process.returncode for process in processes] == [0, 0, 0, 0], errors
    storage = await Storage.open(database_url, blob_dir=tmp_path / "blobs", migrate=False)
    async with storage.read() as uow:
        assert len(await uow.accounts.list()) == 1
        assert await uow.events.last_seq() == 0
    await storage.close()


async def test_an_old_schema_is_left_alone_if_migrating_is_not_allowed(
    database_url: str, tmp_path: Path
) -> None:
    """Without permission to migrate an old database is refused and stays as it is."""
    with pytest.raises(SchemaOutdated, match="no tables yet; nothing was changed") as missing:
        await Storage.open(database_url, blob_dir=tmp_path, migrate=False)
    assert missing.value.empty
    storage = await Storage.open(database_url, blob_dir=tmp_path)
    await storage.close()
    database = open_database(database_url)
    await _run(database, "UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(SchemaOutdated, match="older than this program") as old:
        await Storage.open(database_url, blob_dir=tmp_path, migrate=False)
    assert not old.value.empty
    await _run(database, f"UPDATE alembic_version SET version_num = '{_NEWEST}'")
    await database.close()
    storage = await Storage.open(database_url, blob_dir=tmp_path, migrate=False)
    await storage.close()


async def test_a_newer_schema_is_refused(database_url: str, tmp_path: Path) -> None:
    """A database that a later version of the program has migrated is not touched."""
    storage = await Storage.open(database_url, blob_dir=tmp_path)
    await storage.close()
    database = open_database(database_url)
    await _run(database, "UPDATE alembic_version SET version_num = '9999'")
    await database.close()
    with pytest.raises(StorageError, match="newer than this program"):
        await Storage.open(database_url, blob_dir=tmp_path)
