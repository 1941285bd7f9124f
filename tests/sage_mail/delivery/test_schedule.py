"""The schedule of retries, with clock and chance given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_mail.delivery.schedule import (
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
    max_attempts: int = 12,
    status: int | None = 500,
    asked_pause: float | None = None,
    chance: float = 1.0,
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
    assert _verdict(status=204, attempts=12) == Delivered()


@pytest.mark.parametrize("status", [None, 301, 400, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status: int | None) -> None:
    """Any other answer, and none at all, is tried again after the pause."""
    assert _verdict(status=status) == RetryAt(_NOW + timedelta(seconds=5))


def test_410_gives_up_at_once() -> None:
    """410 Gone ends a delivery with its first attempt."""
    assert isinstance(_verdict(status=410), GivenUp)


def test_the_last_attempt_gives_up() -> None:
    """When the attempts are used up the delivery has failed, and the reason says how often."""
    assert _verdict(attempts=12) == GivenUp("12 attempts failed")
    assert isinstance(_verdict(attempts=11), RetryAt)


def test_retry_after_only_lengthens() -> None:
    """The asked pause holds where it is the longer one; a shorter one does not hurry us."""
    assert _verdict(asked_pause=60) == RetryAt(_NOW + timedelta(seconds=60))
    assert _verdict(asked_pause=0) == RetryAt(_NOW + timedelta(seconds=5))


def test_the_whole_schedule() -> None:
    """Twelve attempts last between one and three days, each pause no shorter than the last."""
    pauses = [pause(attempt, lambda: 1.0) for attempt in range(1, 12)]
    assert pauses[:4] == [5, 15, 45, 135]
    assert all(early <= late for early, late in pairwise(pauses))
    assert _DAY < sum(pauses) / 2 < sum(pauses) < 3 * _DAY


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pause_is_bounded(attempts: int, chance: float) -> None:
    """Whatever the number of attempts, a pause is between two and a half seconds and a day."""
    assert 2.5 <= pause(attempts, lambda: chance) <= _DAY


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
