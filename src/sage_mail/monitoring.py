"""How the running system is: whether it lives, whether it is ready, and its metrics.

*Alive* is a statement about the process alone: restarting it would help where it is not. *Ready* is
one about what it depends on: the store, the mail servers. An endpoint that fails is its owner's
affair and makes nothing unready; the metrics and the events tell of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from prometheus_client import generate_latest

from sage_mail.errors import StorageError
from sage_mail.metrics import Metrics
from sage_mail.pulse import Pulse
from sage_mail.records import AccountState, WaitingRecord
from sage_mail.storage import Storage, UnitOfWork
from sage_mail.telemetry import clean_text, get_logger

__all__ = ["Monitor", "WatchedAccount", "WatchedDrains"]

_log = get_logger(__name__)

# Shorter than what a probe waits; a database that takes longer is as good as none.
_STORE_PATIENCE: Final = 2.0
# Whoever asks more often than this gets what was read before.
_KEPT_SECONDS: Final = 1.0


class WatchedAccount(Protocol):
    """What is asked of an account; `AccountWatcher` is one."""

    @property
    def account(self) -> str:
        """The account's name."""

    @property
    def state(self) -> AccountState:
        """What is known of its connections."""

    @property
    def reason(self) -> str | None:
        """Why it is not connected."""

    def lags(self) -> dict[str, float]:
        """Seconds since each folder was compared as a whole."""

    def closed(self) -> dict[str, str]:
        """The folders that cannot be looked at now, and why."""


class WatchedDrains(Protocol):
    """What is asked of the drains; `Drains` is one."""

    @property
    def at_rest(self) -> Sequence[str]:
        """The endpoints to which nothing is delivered now, because of a fault of ours."""


class Monitor:
    """Looks at a running system when asked.

    Args:
        storage: its store.
        metrics: where its parts count.
        accounts: what watches its accounts.
        drains: what delivers to its endpoints.
        endpoints: the names of the endpoints in the settings.
        kept: for how many seconds what the store said is not asked again.
    """

    def __init__(
        self,
        storage: Storage,
        metrics: Metrics,
        *,
        accounts: Sequence[WatchedAccount],
        drains: WatchedDrains,
        endpoints: Iterable[str],
        kept: float = _KEPT_SECONDS,
    ) -> None:
        self._storage = storage
        self.metrics = metrics
        self.pulse = Pulse()
        self.followers: Callable[[], int] = lambda: 0
        self._accounts = accounts
        self._drains = drains
        self._endpoints = tuple(endpoints)
        self._stranded: frozenset[str] = frozenset()
        self._kept = kept
        self._counted = 0
        self._read_at = 0.0
        self._reading = asyncio.Lock()
        metrics.expect([account.account for account in accounts], self._endpoints)

    async def begin(self) -> None:
        """Count events from now on, and log what waits for endpoints that nobody delivers to."""
        async with self._storage.read() as uow:
            self._counted = await uow.events.last_seq()
            stranded = await uow.outbox.stranded(self._endpoints)
        for name, queue in stranded.items():
            _log.warning("endpoint_not_configured", endpoint=name, waiting=queue.count)

    @property
    def is_alive(self) -> bool:
        """False where the event loop is held up."""
        return self.pulse.is_steady

    async def unready(self) -> list[str]:
        """Why the system is not ready, a sentence each; empty where it is."""
        reasons = []
        if not await self.refresh():
            reasons.append("store: the database does not answer")
        elif self._storage.writability.is_stuck:
            reasons.append("store: the database answers, but nothing can be written to it")
        elif not await self._storage.tenure.allows(self._storage.tenure.number):
            reasons.append("store: the lock on the database is lost; nothing is posted or moved")
        reasons += [
            self._account_reason(account)
            for account in self._accounts
            if account.state is not AccountState.CONNECTED
        ]
        for endpoint in self._drains.at_rest:
            name = self.metrics.labels.of("endpoint", endpoint)
            reasons.append(f"webhook {name}: its deliveries have failed and start anew")
        return reasons

    def warnings(self) -> list[str]:
        """What is amiss and no reason against being ready, a sentence each."""
        label = self.metrics.labels.of
        return [
            f"account {label('account', account.account)}, folder {label('folder', folder)}: {why}"
            for account in self._accounts
            for folder, why in account.closed().items()
        ]

    async def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        await self.refresh()
        return generate_latest(self.metrics.registry)

    async def refresh(self) -> bool:
        """Bring the gauges up to date; False if the store does not answer."""
        metrics = self.metrics
        metrics.take_over_quirks()
        metrics.loop_lag.set(self.pulse.lag)
        metrics.feed_followers.set(self.followers())
        for account in self._accounts:
            self._show(account)
        async with self._reading:
            if time.monotonic() - self._read_at < self._kept:
                return True
            is_up = await self._read_store()
            self._read_at = time.monotonic() if is_up else 0.0
        metrics.store_up.set(is_up)
        return is_up

    async def _read_store(self) -> bool:
        try:
            async with asyncio.timeout(_STORE_PATIENCE), self._storage.read() as uow:
                await self._read(uow)
        except (StorageError, TimeoutError):
            return False
        return True

    async def _read(self, uow: UnitOfWork) -> None:
        metrics = self.metrics
        counts, last = await uow.events.counts_after(self._counted)
        waiting = await uow.outbox.waiting()
        stranded = frozenset(waiting).difference(self._endpoints)
        letters = await uow.dead_letters.count()
        states = {name: await uow.endpoints.get(name) for name in self._endpoints}
        for type_, count in counts.items():
            metrics.events.labels(type_).inc(count)
        self._counted = last
        metrics.dead_letters.set(letters)
        for name, state in states.items():
            self._show_endpoint(name, waiting.get(name), enabled=state.enabled)
        for name in stranded:
            self._show_endpoint(name, waiting[name], enabled=False)
        for name in self._stranded - stranded:
            self._hide_endpoint(name)
        self._stranded = stranded

    def _show_endpoint(self, name: str, queue: WaitingRecord | None, *, enabled: bool) -> None:
        metrics = self.metrics
        label = metrics.labels.of("endpoint", name)
        age = max(0.0, (datetime.now(UTC) - queue.oldest).total_seconds()) if queue else 0.0
        metrics.outbox_waiting.labels(label).set(queue.count if queue else 0)
        metrics.outbox_oldest.labels(label).set(age)
        metrics.endpoints_enabled.labels(label).set(enabled)

    def _hide_endpoint(self, name: str) -> None:
        metrics = self.metrics
        label = metrics.labels.of("endpoint", name)
        for gauge in (metrics.outbox_waiting, metrics.outbox_oldest, metrics.endpoints_enabled):
            gauge.remove(label)

    def _show(self, account: WatchedAccount) -> None:
        metrics = self.metrics
        label = metrics.labels.of("account", account.account)
        for state in AccountState:
            metrics.account_states.labels(label, state.value).set(state is account.state)
        closed = account.closed()
        for folder, seconds in account.lags().items():
            labels = (label, metrics.labels.of("folder", folder))
            metrics.folder_lags.labels(*labels).set(seconds)
            metrics.folders_present.labels(*labels).set(folder not in closed)

    def _account_reason(self, account: WatchedAccount) -> str:
        name = self.metrics.labels.of("account", account.account)
        state = account.state.value.replace("_", " ")
        if account.state is AccountState.UNKNOWN:
            state = "not connected yet"
        reason = "" if account.reason is None else f" ({clean_text(account.reason)})"
        return f"account {name}: {state}{reason}"
