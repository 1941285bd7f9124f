"""Reports: how things went in the last hour, and at the end in all.

A report is the difference of two looks at the metrics. Its percentiles are therefore estimates, as
Prometheus makes them: the place within a bucket is taken to be in proportion.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry

from sage_mail.errors import ConfigError
from sage_mail.files import make_private_file, make_private_folder, require_writable_folder
from sage_mail.monitoring import Monitor
from sage_mail.settings import ReportSettings
from sage_mail.telemetry import get_logger

__all__ = ["Reporter", "require_folder"]

_log = get_logger(__name__)

_OURS: Final = "sage_mail_"
_RESULTS: Final = ("delivered", "failed", "given_up")

_Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Reporter:
    """Reports on what *monitor* looks at: `run` each hour or so, `report` now."""

    def __init__(self, monitor: Monitor, settings: ReportSettings) -> None:
        self._monitor = monitor
        self._settings = settings
        self._began = self._since = datetime.now(UTC)
        self._before: _Samples = {}

    async def run(self) -> None:
        """Report at each end of the interval of the settings, until cancelled."""
        interval = self._settings.interval
        while True:
            if not interval:
                await asyncio.Event().wait()
            await asyncio.sleep(interval)
            await self.report()

    async def report(self, *, final: bool = False) -> dict[str, Any]:
        """Tell the log, and the folder of the settings, how it went since the last report.

        The *final* one is about everything since the start. The report is returned, too.
        """
        is_complete = await self._monitor.refresh()
        until, samples = datetime.now(UTC), _samples(self._monitor.metrics.registry)
        before = {} if final else self._before
        news = {key: value - before.get(key, 0.0) for key, value in samples.items()}
        report: dict[str, Any] = {
            "since": _instant(self._began if final else self._since),
            "until": _instant(until),
            "final": final,
            "complete": is_complete,
            **_figures(news),
            "webhooks": _webhooks(news, samples),
            "dead_letters": int(sum(_by(samples, "dead_letters", "").values())),
        }
        self._since, self._before = until, samples
        _log.info("report", **report)
        await asyncio.to_thread(self._keep, report, until)
        return report

    def _keep(self, report: Mapping[str, Any], at: datetime) -> None:
        folder = self._settings.folder
        if folder is None:
            return
        path = folder / f"report-{at:%Y%m%dT%H%M%S}Z{'-final' if report['final'] else ''}.json"
        try:
            _write(path, json.dumps(report, indent=2) + "\n")
        except OSError as error:
            _log.error("report_not_written", error=error.strerror)


def require_folder(settings: ReportSettings) -> None:
    """Have the folder of the settings exist; raises `ConfigError` where nothing can be written."""
    if settings.folder is None:
        return
    try:
        require_writable_folder(settings.folder)
    except OSError as error:
        raise ConfigError(
            f"report.folder: {settings.folder} cannot be written: {error.strerror}; name another "
            "folder"
        ) from error


def _write(path: Path, text: str) -> None:
    """Write the whole file or none of it: who collects reports reads no half of one."""
    make_private_folder(path.parent)
    draft = path.with_suffix(".part")
    draft.unlink(missing_ok=True)
    make_private_file(draft, text.encode())
    draft.replace(path)


def _figures(news: _Samples) -> dict[str, Any]:
    categories = _whole(_by(news, "messages_total", "category"))
    total = sum(categories.values())
    failed = int(sum(_by(news, "messages_failed_total", "stage").values()))
    return {
        "messages": {
            "total": total,
            "by_category": categories,
            "failed": failed,
            "error_rate": round(failed / (total + failed), 4) if total + failed else 0.0,
        },
        "stage_errors": _whole(_by(news, "stage_errors_total", "stage")),
        "events": _whole(_by(news, "events_total", "type")),
        "detect_to_commit": _times(news, "detect_to_commit_seconds", {}),
    }


def _webhooks(news: _Samples, samples: _Samples) -> dict[str, Any]:
    """What was delivered since, how fast, and what waits now, by endpoint."""
    waiting = _by(samples, "outbox_waiting", "endpoint")
    oldest = _by(samples, "outbox_oldest_seconds", "endpoint")
    attempts = {
        result: _by(news, "webhook_attempts_total", "endpoint", result=result)
        for result in _RESULTS
    }
    return {
        name: {
            **{result: int(attempts[result].get(name, 0)) for result in _RESULTS},
            "waiting": int(waiting.get(name, 0)),
            "oldest_seconds": round(oldest.get(name, 0.0), 1),
            "detect_to_webhook": _times(news, "detect_to_webhook_seconds", {"endpoint": name}),
        }
        for name in sorted({*attempts["delivered"], *waiting})
    }


def _samples(registry: CollectorRegistry) -> _Samples:
    return {
        (sample.name.removeprefix(_OURS), frozenset(sample.labels.items())): sample.value
        for family in registry.collect()
        if family.name.startswith(_OURS)
        for sample in family.samples
    }


def _by(samples: _Samples, name: str, label: str, **wanted: str) -> dict[str, float]:
    """The sums of the metric by the label, of the samples that have the labels *wanted*."""
    sums: dict[str, float] = {}
    for (metric, labels), value in samples.items():
        if metric == name and wanted.items() <= labels:
            key = dict(labels).get(label, "")
            sums[key] = sums.get(key, 0.0) + value
    return sums


def _whole(sums: Mapping[str, float]) -> dict[str, int]:
    return {name: int(value) for name, value in sorted(sums.items()) if value}


def _times(news: _Samples, name: str, wanted: Mapping[str, str]) -> dict[str, Any]:
    found = _by(news, f"{name}_bucket", "le", **wanted)
    buckets = sorted((float(bound), count) for bound, count in found.items())
    return {
        "count": int(buckets[-1][1]) if buckets else 0,
        "p50": _quantile(buckets, 0.5),
        "p95": _quantile(buckets, 0.95),
    }


def _quantile(buckets: list[tuple[float, float]], share: float) -> float | None:
    """The seconds that this share of the observations do not exceed; None without any.

    *buckets* are upper bounds with cumulative counts. What is beyond the last finite bound counts
    as that bound.
    """
    if not buckets or not buckets[-1][1]:
        return None
    rank = share * buckets[-1][1]
    lower, below = 0.0, 0.0
    for upper, count in buckets[:-1]:
        if count >= rank:
            return round(lower + (upper - lower) * (rank - below) / (count - below), 4)
        lower, below = upper, count
    return lower


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
