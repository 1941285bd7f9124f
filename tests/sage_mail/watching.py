"""A monitor over a store, with accounts and drains that are as a test wants them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sage_mail.metrics import Metrics
from sage_mail.monitoring import Monitor
from sage_mail.records import AccountState
from sage_mail.storage import Storage

__all__ = ["Drained", "Watched", "monitor_of"]


@dataclass(slots=True)
class Watched:
    """An account as the monitor sees it."""

    account: str
    state: AccountState = AccountState.CONNECTED
    reason: str | None = None
    folders: dict[str, float] = field(default_factory=lambda: {"INBOX": 3.0})

    absent: dict[str, str] = field(default_factory=dict)

    def lags(self) -> dict[str, float]:
        return self.folders

    def closed(self) -> dict[str, str]:
        return self.absent


@dataclass(slots=True)
class Drained:
    """Drains as the monitor sees them."""

    at_rest: list[str] = field(default_factory=list)


def monitor_of(storage: Storage, *accounts: Watched, drains: Drained | None = None) -> Monitor:
    """A monitor whose only endpoint is ``crm``; what it reads it reads anew each time."""
    return Monitor(
        storage,
        Metrics(),
        accounts=accounts,
        drains=drains or Drained(),
        endpoints=["crm"],
        kept=0.0,
    )
