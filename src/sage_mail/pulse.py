"""Whether the event loop turns: a beat each second, and how late it came."""

from __future__ import annotations

import asyncio
import time
from typing import Final

__all__ = ["Pulse"]

_BEAT_SECONDS: Final = 1.0
# Nothing on the loop should take a tenth of a second; a machine that swaps may take seconds.
_PATIENCE_SECONDS: Final = 5.0


class Pulse:
    """The beat of the loop on which `run` runs; ``lag`` says how many seconds late."""

    def __init__(self) -> None:
        self.lag = 0.0
        self._last = time.monotonic()

    @property
    def is_steady(self) -> bool:
        """False while, or shortly after, the loop was held up for some seconds."""
        return max(self.lag, time.monotonic() - self._last - _BEAT_SECONDS) < _PATIENCE_SECONDS

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._last = time.monotonic()
            await asyncio.sleep(_BEAT_SECONDS)
            self.lag = max(0.0, time.monotonic() - self._last - _BEAT_SECONDS)
