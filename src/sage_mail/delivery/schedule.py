"""When a delivery is tried again, and when it is given up. Pure: clock and chance are arguments.

The pauses grow threefold from five seconds to a day: 5 s, 15 s, 45 s, 2 min, 7 min, 20 min, 1 h,
3 h, 9 h, 24 h, 24 h. A restarted receiver is reached within seconds, one that is down over a
weekend within the two to three days that twelve attempts last (the Standard Webhooks specification
advises three). Each pause is shortened by up to a half at random, so that the deliveries that an
outage has piled up do not all come back in the same second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = ["Delivered", "GivenUp", "RetryAt", "Verdict", "pause", "retry_after", "verdict"]

_FIRST_PAUSE = 5.0
_GROWTH = 3.0
_LONGEST_PAUSE = 86_400.0
_GONE = 410
# Beyond this exponent the pause is the longest one anyway, and floats end somewhere.
_HIGHEST_EXPONENT = 20


@dataclass(frozen=True, slots=True)
class Delivered:
    """The endpoint has it."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """It is to be tried again at the moment given."""

    moment: datetime


@dataclass(frozen=True, slots=True)
class GivenUp:
    """It is not tried again, for the reason given."""

    reason: str


Verdict = Delivered | RetryAt | GivenUp


def verdict(
    *,
    attempts: int,
    max_attempts: int,
    status: int | None,
    asked_pause: float | None,
    now: datetime,
    chance: Callable[[], float],
) -> Verdict:
    """What becomes of a delivery after its attempt number ``attempts`` (counted from one).

    ``status`` is the answer's code (None without an answer), ``asked_pause`` the seconds that the
    endpoint asked for by Retry-After, ``chance`` gives a number from 0 to 1.
    """
    if status is not None and 200 <= status < 300:
        return Delivered()
    if status == _GONE:
        return GivenUp("the endpoint answered 410 Gone: it wants no more deliveries")
    if attempts >= max_attempts:
        return GivenUp(f"{attempts} attempts failed")
    seconds = max(pause(attempts, chance), asked_pause or 0.0)
    return RetryAt(now + timedelta(seconds=seconds))


def pause(attempts: int, chance: Callable[[], float]) -> float:
    """The seconds to wait after so many failed attempts: between half of the full pause and all."""
    full = min(
        _LONGEST_PAUSE, _FIRST_PAUSE * _GROWTH ** min(max(attempts - 1, 0), _HIGHEST_EXPONENT)
    )
    return full * (0.5 + 0.5 * chance())


def retry_after(value: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date).

    At most a day, at least zero; None where there is no header or it says nothing usable.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        # More digits than a day has seconds: the length is checked before the conversion.
        return min(float(text), _LONGEST_PAUSE) if len(text) < 10 else _LONGEST_PAUSE
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - now).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_PAUSE) if math.isfinite(seconds) else None
