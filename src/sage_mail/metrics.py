"""What the running system counts and measures, for Prometheus and for the reports.

The laws of this module:

- Recording is memory alone: no IO, no lock that is held for long, nothing that can fail a mail.
- What the database knows better (the outbox, the dead letters, the events) is not counted here; it
  is read when somebody asks, see `sage_mail.monitoring`.
- A label is a name out of the settings or a word of our own. A name that holds an address becomes
  a number, and nothing of a mail is ever a label.

Moments are `time.monotonic`, which is the clock of the event loop as well.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from sage_mail.delivery.schedule import Delivered, GivenUp, RetryAt, Verdict

__all__ = ["Connecting", "Labels", "Metrics"]

# From what a local commit takes to what an endpoint may take to answer; dense where it is promised.
_BUCKETS: Final = (
    *(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
# Deliveries that wait for longer than this many newer messages are not timed any more.
_MOST_DETECTIONS: Final = 20_000

Connecting = Literal["waiting", "connecting", "open"]
_CONNECTING: Final[tuple[Connecting, ...]] = ("waiting", "connecting", "open")
_RESULTS: Final[Mapping[type[Verdict], str]] = {
    Delivered: "delivered",
    RetryAt: "failed",
    GivenUp: "given_up",
}


class Labels:
    """Names as they may be shown to whoever reads the metrics."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}

    def of(self, kind: str, name: str) -> str:
        """The name, or ``"account #2"`` for the second account whose name is an address."""
        if "@" not in name:
            return name
        numbers = self._numbers.setdefault(kind, {})
        return f"{kind} #{numbers.setdefault(name, len(numbers) + 1)}"


class Metrics:
    """The instruments of one running system, in a registry of their own.

    ``registry`` is what an exposition shows; gauges that are public are set by who shows them.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.labels = Labels()
        self._detections: OrderedDict[int, float] = OrderedDict()
        self._watched: dict[int, _Watched] = {}
        ProcessCollector(registry=registry)
        self._messages = _counter(
            registry, "messages", "New messages stored, by category.", "account", "category"
        )
        self._failed = _counter(
            registry, "messages_failed", "Messages given up, by stage.", "account", "stage"
        )
        self._stage_errors = _counter(
            registry, "stage_errors", "Stages of the pipeline that failed.", "stage"
        )
        self._attempts = _counter(
            registry, "webhook_attempts", "Attempts, by their result.", "endpoint", "result"
        )
        self._quirks = _counter(
            registry, "quirks", "Oddities of servers that were tolerated.", "account", "quirk"
        )
        self.events = _counter(registry, "events", "Events committed since the start.", "type")
        self._to_commit = _histogram(
            registry,
            "detect_to_commit_seconds",
            "From the server's notification to the commit.",
            "account",
        )
        self._to_webhook = _histogram(
            registry,
            "detect_to_webhook_seconds",
            "From the server's notification to the endpoint's answer.",
            "endpoint",
        )
        self._connections = _gauge(
            registry, "connections", "IMAP connections, by state.", "account", "state"
        )
        self.account_states = _gauge(
            registry, "account_state", "1 for the state of the account.", "account", "state"
        )
        self.folder_lags = _gauge(
            registry,
            "folder_lag_seconds",
            "Since the folder was last compared as a whole.",
            "account",
            "folder",
        )
        self.folders_present = _gauge(
            registry,
            "folder_present",
            "0 while the folder does not exist or cannot be opened.",
            "account",
            "folder",
        )
        self._folder_behind = _gauge(
            registry,
            "folder_uids_behind",
            "UIDs below UIDNEXT that are still to be looked at.",
            "account",
            "folder",
        )
        self.outbox_waiting = _gauge(
            registry, "outbox_waiting", "Deliveries that wait.", "endpoint"
        )
        self.outbox_oldest = _gauge(
            registry, "outbox_oldest_seconds", "Age of the oldest that waits.", "endpoint"
        )
        self.endpoints_enabled = _gauge(
            registry, "endpoint_enabled", "0 while it is disabled or not configured.", "endpoint"
        )
        self.dead_letters = _gauge(registry, "dead_letters", "Dead letters to be dealt with.")
        self.store_up = _gauge(registry, "store_up", "1 if the database answered just now.")
        self.loop_lag = _gauge(
            registry, "loop_lag_seconds", "How late the event loop was at its last beat."
        )
        self.feed_followers = _gauge(registry, "feed_followers", "Clients of the live feed.")

    def expect(self, accounts: Iterable[str], endpoints: Iterable[str]) -> None:
        """Show what has not happened yet as zero, for these accounts and endpoints."""
        for account in accounts:
            label = self.labels.of("account", account)
            self._to_commit.labels(label)
            for state in _CONNECTING:
                self._connections.labels(label, state)
        for endpoint in endpoints:
            label = self.labels.of("endpoint", endpoint)
            self._to_webhook.labels(label)
            for result in _RESULTS.values():
                self._attempts.labels(label, result)

    @contextmanager
    def connection(self, account: str, state: Connecting) -> Iterator[None]:
        """A block during which one connection more of the account is in this state."""
        gauge = self._connections.labels(self.labels.of("account", account), state)
        gauge.inc()
        try:
            yield
        finally:
            gauge.dec()

    @contextmanager
    def watching_quirks(self, account: str, seen: Mapping[str, int]) -> Iterator[None]:
        """A block during which the quirks that a connection meets are counted."""
        watched = _Watched(self.labels.of("account", account), seen)
        self._watched[id(watched)] = watched
        try:
            yield
        finally:
            self._take_over(watched)
            del self._watched[id(watched)]

    def take_over_quirks(self) -> None:
        """Count what the connections that are open now have met so far."""
        for watched in self._watched.values():
            self._take_over(watched)

    def announced(self, sequences: Iterable[int], detected: float | None) -> None:
        """The messages of these events were detected at the moment; None where nobody knows."""
        if detected is None:
            return
        for seq in sequences:
            self._detections[seq] = detected
        while len(self._detections) > _MOST_DETECTIONS:
            self._detections.popitem(last=False)

    def committed(
        self,
        account: str,
        categories: Collection[str],
        detected: float | None,
    ) -> None:
        """So many new messages, of these categories, have just been committed."""
        label = self.labels.of("account", account)
        for category in categories:
            self._messages.labels(label, category).inc()
        if detected is not None:
            seconds = time.monotonic() - detected
            timed = self._to_commit.labels(label)
            for _ in categories:
                timed.observe(seconds)

    def failed(self, account: str, stage: str) -> None:
        """A message was given up at the stage."""
        self._failed.labels(self.labels.of("account", account), stage).inc()

    def stage_failed(self, stage: str) -> None:
        """A stage of the pipeline has failed at a message, which went on without it."""
        self._stage_errors.labels(stage).inc()

    def attempted(self, endpoint: str, seq: int, verdict: Verdict, answered: float) -> None:
        """An attempt for the event ended at this moment."""
        label = self.labels.of("endpoint", endpoint)
        self._attempts.labels(label, _RESULTS[type(verdict)]).inc()
        detected = self._detections.get(seq)
        if detected is not None and isinstance(verdict, Delivered):
            self._to_webhook.labels(label).observe(answered - detected)

    def behind(self, account: str, folder: str, uids: int) -> None:
        """So many UIDs of the folder are still to be looked at."""
        labels = (self.labels.of("account", account), self.labels.of("folder", folder))
        self._folder_behind.labels(*labels).set(max(0, uids))

    def _take_over(self, watched: _Watched) -> None:
        for quirk, count in watched.news().items():
            self._quirks.labels(watched.account, quirk).inc(count)


class _Watched:
    """The quirks of one connection, and how many of them are counted already."""

    def __init__(self, account: str, seen: Mapping[str, int]) -> None:
        self.account = account
        self._seen = seen
        self._counted: Tally[str] = Tally()

    def news(self) -> Tally[str]:
        new = Tally(self._seen) - self._counted
        self._counted += new
        return new


def _counter(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Counter:
    return Counter(f"sage_mail_{name}", text, labels, registry=registry)


def _gauge(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"sage_mail_{name}", text, labels, registry=registry)


def _histogram(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Histogram:
    return Histogram(f"sage_mail_{name}", text, labels, registry=registry, buckets=_BUCKETS)
