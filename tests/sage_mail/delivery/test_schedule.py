"""The schedule of retries, with clock and chance given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_mail.delivery.schedule import (
    MAX_ATTEMPTS,
    Delivered,
    GivenUp,
    RetryAt,
    Verdict,
    pause,
    retry_after,
    verdict,
)

_NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
_DAY = 86_400.0


def _verdict(
    *,
    attempts: int = 1,
    max_attempts: int = MAX_ATTEMPTS,
    status: int | None = 500,
    asked_pause: float | None = None,
    chance: float = 0.0,
) -> Verdict:
    return verdict(
        attempts=attempts,
        max_attempts=max_attempts,
        status=status,
        asked_pause=asked_pause,
        now=_NOW,
        chance=lambda: chance,
    )


def test_2xx_is_delivered() -> None:
    """2xx ends a delivery, on its last attempt too."""
    assert _verdict(status=204, attempts=MAX_ATTEMPTS) == Delivered()


@pytest.mark.parametrize("status", [None, 301, 400, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status: int | None) -> None:
    """Any other answer, and none at all, is tried again after the pause."""
    assert _verdict(status=status) == RetryAt(_NOW + timedelta(seconds=5))


def test_410_gives_up_at_once() -> None:
    """410 Gone ends a delivery with its first attempt, and says that of the endpoint."""
    judged = _verdict(status=410)
    assert isinstance(judged, GivenUp)
    assert judged.endpoint_gone


def test_the_last_attempt_gives_up() -> None:
    """When the attempts are used up the delivery has failed, and the reason says how often."""
    assert _verdict(attempts=10) == GivenUp("10 attempts failed")
    assert isinstance(_verdict(attempts=9), RetryAt)


def test_retry_after_only_lengthens() -> None:
    """The asked pause holds where it is the longer one; a shorter one does not hurry us."""
    assert _verdict(asked_pause=60) == RetryAt(_NOW + timedelta(seconds=60))
    assert _verdict(asked_pause=0) == RetryAt(_NOW + timedelta(seconds=5))


def test_the_whole_schedule() -> None:
    """Ten attempts: at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h."""
    pauses = [pause(attempt, lambda: 0.0) for attempt in range(1, MAX_ATTEMPTS)]
    hours = [2.0, 5.0, 10.0, 14.0, 20.0, 24.0]
    assert pauses == [5.0, 300.0, 1800.0, *(hour * 3600 for hour in hours)]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pause_is_bounded(attempts: int, chance: float) -> None:
    """Chance never hurries an attempt, and delays it by a fifth at most; the last pause stays."""
    least = pause(attempts, lambda: 0.0)
    assert least <= pause(attempts, lambda: chance) <= least * 1.2
    assert 5.0 <= least <= _DAY


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("999999", _DAY),
        ("9" * 5000, _DAY),
        ("Sat, 31 Jan 2026 08:02:00 GMT", 120.0),
        ("Sat, 31 Jan 2026 07:00:00 GMT", 0.0),
        ("Sun, 31 Jan 2027 08:00:00 GMT", _DAY),
        ("Sat, 31 Jan 2026 08:02:00 -0000", 120.0),
        ("Sat, 31 Jan 99999 08:02:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Seconds and dates are understood and bounded; what is neither asks for nothing."""
    assert retry_after(value, _NOW) == seconds


@given(st.text())
def test_retry_after_never_raises(value: str) -> None:
    """Whatever a server writes there, the answer is a bounded number or none."""
    seconds = retry_after(value, _NOW)
    assert seconds is None or 0 <= seconds <= _DAY
