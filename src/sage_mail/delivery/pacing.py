"""How fast an endpoint may be posted to: a bucket of tokens that fills at the endpoint's rate.

What the endpoint itself asks for goes before the rate: while it rests there are no tokens.

Pure: the caller brings the clock.
"""

from __future__ import annotations

__all__ = ["Pacer"]


class Pacer:
    """Lets so many posts begin in a second, with what a second allows as the largest burst.

    *rate* is in posts per second, None: without a limit.
    """

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._burst = max(1.0, rate or 1.0)
        self._tokens = self._burst
        self._filled_at: float | None = None
        self._rests_until = 0.0

    def rest(self, seconds: float, now: float) -> None:
        """Let no post begin for so many seconds, or longer where that was asked before."""
        self._rests_until = max(self._rests_until, now + seconds)

    def pause(self, now: float) -> float:
        """The seconds until the next post may begin; 0.0 takes its token. *now* is monotonic."""
        if now < self._rests_until:
            return self._rests_until - now
        if self._rate is None:
            return 0.0
        if self._filled_at is not None:
            grown = self._tokens + (now - self._filled_at) * self._rate
            self._tokens = min(self._burst, grown)
        self._filled_at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate
