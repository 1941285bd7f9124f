"""Fixtures for whatever stores something: every test that uses them runs on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sage_mail.storage import Storage
from tests.support.postgres import fresh_database, running_postgres

__all__ = ["database_url", "postgres_server", "storage"]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server that lives as long as the tests."""
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'sage.db'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    with fresh_database(server) as url:
        yield url


@pytest.fixture
async def storage(database_url: str, tmp_path: Path) -> AsyncIterator[Storage]:
    """An open storage over an empty database."""
    opened = await Storage.open(database_url, blob_dir=tmp_path / "blobs")
    try:
        yield opened
    finally:
        await opened.close()
