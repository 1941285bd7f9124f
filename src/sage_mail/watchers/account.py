"""One account: its watchers, its worker and its health, supervised apart from other accounts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from sage_mail.delivery.announce import announce
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.delivery.payloads import account_data
from sage_mail.ingest.departures import Departures
from sage_mail.ingest.scope import Scope
from sage_mail.records import AccountState
from sage_mail.telemetry import get_logger
from sage_mail.watchers.backoff import Backoff
from sage_mail.watchers.connecting import connect
from sage_mail.watchers.folder import FolderWatcher
from sage_mail.watchers.gate import Gate
from sage_mail.watchers.health import Health
from sage_mail.watchers.poller import Poller
from sage_mail.watchers.supervision import supervise
from sage_mail.watchers.worker import ActionWorker, CensusTaker

__all__ = ["AccountWatcher"]

_log = get_logger(__name__)

_STATES = {
    EventType.ACCOUNT_CONNECTED: AccountState.CONNECTED,
    EventType.ACCOUNT_DISCONNECTED: AccountState.DISCONNECTED,
    EventType.ACCOUNT_AUTH_FAILED: AccountState.AUTH_FAILED,
}


class AccountWatcher:
    """Keeps one account in step until cancelled."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._health = Health(self._tell)
        self._gate = Gate(
            scope.account, lambda: connect(scope.settings), self._health, scope.metrics
        )
        settings = scope.settings
        idle = settings.folders[: settings.idle_connections]
        polled = settings.folders[settings.idle_connections :]
        self._folders = [FolderWatcher(scope, self._gate, folder) for folder in idle]
        self._poller = Poller(scope, self._gate, polled) if polled else None

    @property
    def account(self) -> str:
        """The account's name."""
        return self._scope.account

    @property
    def state(self) -> AccountState:
        """What is known of the account's connections now."""
        return AccountState(self._health.state)

    @property
    def reason(self) -> str | None:
        """Why it is not connected, as far as that is known."""
        return self._health.reason

    def lags(self) -> dict[str, float]:
        """The seconds since each of its folders was compared as a whole."""
        return self._scope.looks.lags()

    def closed(self) -> dict[str, str]:
        """The folders that cannot be looked at now, and why."""
        return self._scope.closed

    async def look(self) -> None:
        """Have each folder compared as a whole now, and return when that is done."""
        await self._scope.looks.all_since(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Watch until cancelled; nothing that happens to this account ends it."""
        works = {
            "health": self._health.run,
            "departures": Departures(self._scope).run,
            "worker": ActionWorker(self._scope, self._gate).run,
            "census": CensusTaker(self._scope, self._gate).run,
        }
        if self._poller is not None:
            works["poller"] = self._poller.run
        for watcher in self._folders:
            works[f"folder {watcher.folder}"] = watcher.run
        async with asyncio.TaskGroup() as group:
            for name, work in works.items():
                # The gate has its own, longer pauses for connections that cannot be made.
                task = supervise(
                    name, work, account=self._scope.account, backoff=Backoff(longest=30.0)
                )
                group.create_task(task, name=f"{self._scope.account}: {name}")

    async def _tell(self, type_: EventType, reason: str | None) -> None:
        """Note the account's state, and announce it if it differs from the one noted before."""
        now = datetime.now(UTC)
        async with self._scope.storage.unit_of_work() as uow:
            changed = await uow.accounts.set_state(
                self._scope.account_id, _STATES[type_], since=now, error=reason
            )
            if changed:
                event = NewEvent(
                    type=type_,
                    account=self._scope.account,
                    occurred_at=now,
                    data=account_data(self._scope.account, reason=reason),
                )
                await announce(uow, event, self._scope.endpoints)
            await uow.commit()
        tell = _log.info if type_ is EventType.ACCOUNT_CONNECTED else _log.warning
        tell(type_.value.replace(".", "_"), account=self._scope.account, reason=reason)
