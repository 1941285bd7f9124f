"""When an endpoint that fails is given up as a whole. Pure.

It fails since the first failure after which nothing succeeded. A gap of two days without any
attempt begins the count anew: an endpoint that gets one mail a month and was down twice is not one
that has been down for a month. (Between two attempts of one delivery lie 24 hours and a little.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

__all__ = ["Health", "after_failure"]

# As long as Svix gives an endpoint, and longer than one delivery's whole schedule.
_PATIENCE: Final = timedelta(days=5)
_GAP: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint has been doing; both are None while all is well."""

    failing_since: datetime | None = None
    last_failure_at: datetime | None = None

    @property
    def is_hopeless(self) -> bool:
        """True after five days of nothing but failures."""
        if self.failing_since is None or self.last_failure_at is None:
            return False
        return self.last_failure_at - self.failing_since >= _PATIENCE


def after_failure(health: Health, now: datetime) -> Health:
    """The endpoint's health after an attempt that failed."""
    last = health.last_failure_at
    if health.failing_since is None or last is None or now - last > _GAP:
        return Health(failing_since=now, last_failure_at=now)
    return replace(health, last_failure_at=max(last, now))
