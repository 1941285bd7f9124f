"""When an endpoint is hopeless."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sage_mail.delivery.health import Health, after_failure

_START = datetime(2026, 1, 1, tzinfo=UTC)


def _failing(*days: float) -> Health:
    health = Health()
    for day in days:
        health = after_failure(health, _START + timedelta(days=day))
    return health


def test_five_days_of_failures() -> None:
    """Day after day without a success: on the fifth it is hopeless, not before."""
    assert not Health().is_hopeless
    assert not _failing(0).is_hopeless
    assert not _failing(0, 1, 2, 3, 4, 4.9).is_hopeless
    assert _failing(0, 1, 2, 3, 4, 5).is_hopeless
    assert _failing(0, 1, 2, 3, 4, 5).failing_since == _START


def test_a_gap_begins_the_count_anew() -> None:
    """Two failures a month apart are no month of failures."""
    health = _failing(0, 30)
    assert not health.is_hopeless
    assert health.failing_since == _START + timedelta(days=30)
    assert not _failing(0, 1.5, 3, 4.5, 7).is_hopeless
    assert _failing(0, 1.5, 3, 4.5, 6.4).is_hopeless


def test_results_out_of_order() -> None:
    """An older failure that is recorded late does not turn the clock back."""
    health = after_failure(_failing(0, 1), _START + timedelta(days=0.5))
    assert health.last_failure_at == _START + timedelta(days=1)
