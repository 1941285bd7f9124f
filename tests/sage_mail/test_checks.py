"""What ``sage-mail check`` finds in the folders, the database and the deliveries."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sage_mail.checks import Finding, examine
from sage_mail.records import AttemptRecord, DeliveryStatus
from sage_mail.settings import Settings
from sage_mail.storage import Storage, UnitOfWork, sole_service
from tests.sage_mail.storage.samples import announced

_SINCE = datetime(2026, 1, 31, 8, 15, tzinfo=UTC)


def _settings(tmp_path: Path, **changes: Any) -> Settings:
    return Settings(**{"data_dir": tmp_path / "data", **changes})


async def _found(settings: Settings) -> list[Finding]:
    return await examine(settings, lambda _finding: None)


async def _one(settings: Settings, subject: str) -> Finding:
    (finding,) = [each for each in await _found(settings) if each.subject == subject]
    return finding


async def test_an_empty_database(database_url: str, tmp_path: Path) -> None:
    """Tables that are missing or old are no fault: the start makes them."""
    settings = _settings(tmp_path, database={"url": database_url})
    if database_url.startswith("sqlite"):
        Path(database_url.removeprefix("sqlite:///")).touch(0o600)
    assert await _found(settings) == [
        Finding("database", True, "empty; the tables will be made at the start")
    ]
    storage = await Storage.open(database_url, blob_dir=tmp_path)
    await storage.close()
    assert await _found(settings) == [Finding("database", True, "opened")]


async def test_a_service_that_runs(database_url: str, tmp_path: Path) -> None:
    """It is told who runs on the database, from whichever data_dir or host."""
    settings = _settings(tmp_path, database={"url": database_url})
    async with sole_service(database_url) as tenure:
        storage = await Storage.open(database_url, blob_dir=tmp_path, tenure=tenure)
        await storage.close()
        here = "" if database_url.startswith("sqlite") else f" on {socket.gethostname()}"
        told = f"runs on the database now (process {os.getpid()}{here})"
        assert Finding("service", True, told) in await _found(settings)
    assert await _found(settings) == [Finding("database", True, "opened")]


async def test_a_database_that_others_may_read(tmp_path: Path) -> None:
    """It is told, with the command that helps, and nothing is changed."""
    path = tmp_path / "sage.db"
    storage = await Storage.open(f"sqlite:///{path}", blob_dir=tmp_path)
    await storage.close()
    path.chmod(0o644)
    tmp_path.chmod(0o755)
    finding = await _one(_settings(tmp_path, database={"url": f"sqlite:///{path}"}), "database")
    assert finding.ok
    assert "every user of this machine can read the mail" in finding.text
    assert finding.remedy == f"chmod o= {path}*"
    assert path.stat().st_mode & 0o777 == 0o644


async def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    """A data_dir or a folder of reports below a file is a fault, and so is a database in it."""
    file = tmp_path / "file"
    file.touch()
    settings = _settings(tmp_path, data_dir=file / "a" / "b", report={"folder": file / "reports"})
    found = {each.subject: each for each in await _found(settings)}
    for subject in ("data_dir", "report.folder", "database"):
        assert not found[subject].ok
        assert found[subject].text == f"{file} is not a folder"
        assert found[subject].remedy.startswith("name another folder")


async def _failed(uow: UnitOfWork, name: str) -> None:
    for _ in range(3):
        await announced(uow, name)
    (delivery,) = await uow.outbox.due(name, datetime.now(UTC), limit=1)
    attempt = AttemptRecord(number=1, started_at=_SINCE, latency_ms=3, error="HTTP 500")
    later = _SINCE + timedelta(days=1)
    pending = DeliveryStatus.PENDING
    await uow.outbox.record_attempt(delivery.id, attempt, pending, next_attempt_at=later)
    await uow.endpoints.note_failures(name, since=_SINCE, last=_SINCE + timedelta(hours=1))


async def test_endpoints_that_get_nothing(tmp_path: Path) -> None:
    """Since when and why, how much waits, and what helps: a fault where one is disabled."""
    hook = {"url": "http://127.0.0.1:1/", "allow_private": True, "secret": "x" * 32}
    settings = _settings(
        tmp_path,
        webhooks=[{"name": "crm", **hook}, {"name": "erp", **hook}],
        notifications=[{"name": "phone", "channel": "push", "url": "ntfy://127.0.0.1/lamps"}],
    )
    storage = await Storage.open(settings.database_url, blob_dir=settings.blob_dir)
    async with storage.unit_of_work() as uow:
        for name in ("crm", "phone"):
            await announced(uow, name)
            await uow.endpoints.disable(name, reason="gone", at=_SINCE)
        await _failed(uow, "erp")
        await uow.commit()
    await storage.close()
    since = f"{_SINCE.astimezone():%Y-%m-%d %H:%M:%S}"
    found = await _found(settings)
    for finding in (
        Finding(
            "webhook crm",
            False,
            f"disabled since {since} (gone); 1 delivery waiting for it",
            "once it works again: sage-mail webhooks enable crm",
        ),
        Finding(
            "notification phone",
            False,
            f"disabled since {since} (gone); 1 delivery waiting for it",
            "once it works again: sage-mail notifications enable phone",
        ),
        Finding(
            "webhook erp",
            True,
            f"failing since {since} (HTTP 500); 3 deliveries waiting for it",
            "see sage-mail webhooks attempts erp",
        ),
    ):
        assert finding in found
    refused = "no connection to 127.0.0.1:1: Connection refused"
    assert [each.text for each in found if each.subject == "webhook crm"][1:] == [refused]
