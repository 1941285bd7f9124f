"""The throw-away PostgreSQL says what is missing, and gives each test its own database."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support import postgres
from tests.support.postgres import PostgresUnavailable, fresh_database, running_postgres


def test_a_machine_without_postgresql_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where no server is installed, the error names the package and the variable."""
    monkeypatch.delenv("SAGE_TEST_POSTGRES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "INSTALLED", tmp_path)
    with pytest.raises(PostgresUnavailable, match=r"apt-get install.*SAGE_TEST_POSTGRES"):
        running_postgres().__enter__()


def test_a_given_server_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable's URL is taken as it is."""
    monkeypatch.setenv("SAGE_TEST_POSTGRES", "postgresql://db.example/test")
    with running_postgres() as url:
        assert url == "postgresql://db.example/test"


def _databases(server: str) -> set[str]:
    with psycopg.connect(server) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


@pytest.mark.live
def test_databases_are_apart_and_dropped(postgres_server: str) -> None:
    """Two databases do not see each other's tables, and both are gone afterwards."""
    with fresh_database(postgres_server) as one, fresh_database(postgres_server) as other:
        for url in (one, other):
            with psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE here (x int)")
        names = {urlsplit(url).path.lstrip("/") for url in (one, other)}
        assert names <= _databases(postgres_server)
    assert not names & _databases(postgres_server)
