"""The hourly report and the last one."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sage_mail.delivery.schedule import Delivered, RetryAt
from sage_mail.errors import ConfigError
from sage_mail.reporting import Reporter, _quantile, require_folder
from sage_mail.runtime import Runtime
from sage_mail.settings import ReportSettings, Settings
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import announced
from tests.sage_mail.watching import monitor_of


async def test_a_report_tells_of_its_time_and_the_last_of_all(storage: Storage) -> None:
    """What an earlier report has told the next does not repeat; the final one tells everything."""
    monitor = monitor_of(storage)
    reporter, metrics = Reporter(monitor, ReportSettings()), monitor.metrics
    detected = time.monotonic()
    metrics.announced([1], detected)
    metrics.committed("work", ["support"] * 8 + ["spam"], detected - 12)
    metrics.failed("work", "parse")
    metrics.attempted("crm", 1, Delivered(), detected + 0.22)
    metrics.attempted("crm", 2, RetryAt(datetime.now(UTC)), detected)
    async with storage.unit_of_work() as uow:
        await announced(uow, "crm")
        await uow.commit()
    first = await reporter.report()
    assert first["messages"] == {
        "total": 9,
        "by_category": {"spam": 1, "support": 8},
        "failed": 1,
        "error_rate": 0.1,
    }
    assert first["detect_to_commit"]["count"] == 9
    assert 10 <= first["detect_to_commit"]["p50"] <= first["detect_to_commit"]["p95"] <= 30
    crm = first["webhooks"]["crm"]
    assert (crm["delivered"], crm["failed"], crm["given_up"], crm["waiting"]) == (1, 1, 0, 1)
    assert 0.2 <= crm["detect_to_webhook"]["p50"] <= 0.25
    assert first["events"] == {"message.new": 1}
    metrics.committed("work", ["spam"], None)
    second = await reporter.report()
    assert second["messages"]["by_category"] == {"spam": 1}
    assert second["messages"]["error_rate"] == 0
    assert second["detect_to_commit"] == {"count": 0, "p50": None, "p95": None}
    assert second["since"] == first["until"]
    last = await reporter.report(final=True)
    assert last["messages"]["total"] == 10
    assert (last["since"], last["final"], last["complete"]) == (first["since"], True, True)


async def test_reports_are_kept_in_a_folder(storage: Storage, tmp_path: Path) -> None:
    """Each is a file of its own, whole, and the last one says so in its name."""
    settings = ReportSettings(folder=tmp_path / "reports")
    report = await Reporter(monitor_of(storage), settings).report(final=True)
    (path,) = (tmp_path / "reports").iterdir()
    assert path.name.endswith("Z-final.json")
    assert json.loads(path.read_text()) == report


def test_the_folder_is_tried_before(tmp_path: Path) -> None:
    """One that cannot be written is a sentence; none at all is fine."""
    require_folder(ReportSettings())
    require_folder(ReportSettings(folder=tmp_path / "new"))
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "reports"
    with pytest.raises(ConfigError, match=f"report.folder: {folder} cannot be written: Not a"):
        require_folder(ReportSettings(folder=folder))


async def test_nothing_is_started_without_the_folder(tmp_path: Path) -> None:
    """What would show at the end of the first hour is told at the start."""
    (tmp_path / "file").touch()
    settings = Settings(data_dir=tmp_path / "data", report=ReportSettings(folder=tmp_path / "file"))
    with pytest.raises(ConfigError, match=r"report\.folder"):
        async with Runtime(settings):
            raise AssertionError
    assert not (tmp_path / "data" / "sage.db").exists()


async def test_a_folder_that_cannot_be_written(
    storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It costs the file, which the log tells, and nothing else."""
    (tmp_path / "file").touch()
    settings = ReportSettings(folder=tmp_path / "file")
    report = await Reporter(monitor_of(storage), settings).report()
    assert report["complete"]
    assert any("report_not_written" in record.getMessage() for record in caplog.records)


async def test_reports_come_by_themselves(storage: Storage, tmp_path: Path) -> None:
    """One comes at the end of each interval."""
    settings = ReportSettings(interval=0.02, folder=tmp_path)
    running = asyncio.create_task(Reporter(monitor_of(storage), settings).run())
    async with asyncio.timeout(10):
        while not [path for path in tmp_path.iterdir() if path.suffix == ".json"]:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})


def test_quantiles() -> None:
    """Within a bucket in proportion; what is beyond the last bound counts as that bound."""
    infinite = float("inf")
    buckets = [(0.1, 0.0), (0.2, 10.0), (0.4, 20.0), (infinite, 20.0)]
    assert _quantile(buckets, 0.5) == 0.2
    assert _quantile(buckets, 0.25) == 0.15
    assert _quantile(buckets, 0.95) == pytest.approx(0.38)
    assert _quantile([(0.1, 0.0), (infinite, 3.0)], 0.5) == 0.1
    assert _quantile([(0.1, 0.0), (infinite, 0.0)], 0.5) is None
    assert _quantile([], 0.5) is None
