"""How long to wait before the next try: longer each time, never in step with others.

The pause doubles from one second to five minutes. Each is drawn between half and the whole of that
("equal jitter"), so that a thousand accounts whose server comes back do not all log in at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """A growing pause, in seconds.

    ``first`` and ``longest`` bound it; ``draw`` yields numbers in [0, 1).
    """

    def __init__(
        self,
        *,
        first: float = 1.0,
        longest: float = 300.0,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._first = first
        self._longest = longest
        self._draw = draw
        self._failures = 0

    @property
    def failures(self) -> int:
        """How many tries have failed since the last success."""
        return self._failures

    def succeeded(self) -> None:
        """Start over: the next pause is the shortest."""
        self._failures = 0

    def failed(self, *, at_least: float = 0.0) -> float:
        """Count a failure and return the pause before the next try.

        ``at_least`` is what the other side asked for; it is honoured even above ``longest``.
        """
        whole = min(self._longest, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return max(at_least, whole * (0.5 + self._draw() / 2))
