"""When a delivery is tried again, and when it is given up. Pure: clock and chance are arguments.

The attempts follow the schedule that the Standard Webhooks specification proposes: at once, then
after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h, each pause counted from the attempt
before. A restarted receiver is reached within seconds, one that is down over a long weekend within
the three days that the ten attempts last. Each pause is lengthened by up to a fifth at random, so
that the deliveries that an outage has piled up do not all come back in the same second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = [
    "MAX_ATTEMPTS",
    "Delivered",
    "GivenUp",
    "RetryAt",
    "Verdict",
    "pause",
    "retry_after",
    "verdict",
]

_MINUTE, _HOUR = 60.0, 3600.0
# Before the second attempt, the third ...; after the last of them its pause stays.
_PAUSES = (
    5.0,
    5 * _MINUTE,
    30 * _MINUTE,
    *(hours * _HOUR for hours in (2, 5, 10, 14, 20, 24)),
)
MAX_ATTEMPTS = len(_PAUSES) + 1
_JITTER = 0.2
_LONGEST_WISH = 86_400.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class Delivered:
    """The endpoint has it."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """It is to be tried again at the moment given."""

    moment: datetime


@dataclass(frozen=True, slots=True)
class GivenUp:
    """It is not tried again, for the reason given.

    ``endpoint_gone`` says that the endpoint wants nothing more, be it this delivery or another.
    """

    reason: str
    endpoint_gone: bool = False


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
    """What becomes of a delivery after its attempt number ``attempts`` (counted from one, and from
    one again after a replay).

    ``status`` is the answer's code (None without an answer), ``asked_pause`` the seconds that the
    endpoint asked for by Retry-After, ``chance`` gives a number from 0 to 1.
    """
    if status is not None and 200 <= status < 300:
        return Delivered()
    if status == _GONE:
        return GivenUp("it answered 410 Gone: it wants no more deliveries", endpoint_gone=True)
    if attempts >= max_attempts:
        return GivenUp(f"{attempts} attempts failed")
    seconds = max(pause(attempts, chance), asked_pause or 0.0)
    return RetryAt(now + timedelta(seconds=seconds))


def pause(attempts: int, chance: Callable[[], float]) -> float:
    """The seconds to wait after so many failed attempts: the schedule's and up to a fifth more."""
    full = _PAUSES[min(max(attempts, 1), len(_PAUSES)) - 1]
    return full * (1.0 + _JITTER * chance())


def retry_after(value: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date).

    At most a day, at least zero; None where there is no header or it says nothing usable.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        # More digits than a day has seconds: the length is checked before the conversion.
        return min(float(text), _LONGEST_WISH) if len(text) < 10 else _LONGEST_WISH
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - now).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_WISH) if math.isfinite(seconds) else None
