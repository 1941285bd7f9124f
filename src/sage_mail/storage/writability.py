"""Whether the database takes what is written, learned from the writes that are made anyway.

A write of its own for each look would cost a flush of the disk, and hold up mail. So a database
that takes nothing is noticed once somebody wants to write to it, which is when it matters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sage_mail.errors import StorageError
from sage_mail.storage.errors import RecordRejected

__all__ = ["Writability"]

# Longer than a portion of mail takes on a slow disk.
_PATIENCE: Final = 5.0
# Whoever could not write tries again within half a minute; after this there is nobody who wants to.
_FRESH: Final = 60.0


class Writability:
    """What came of the units of work that write; *clock* gives seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._under_way = 0
        self._since = 0.0
        self._failed_at: float | None = None

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A block that is one unit of work."""
        if not self._under_way:
            self._since = self._clock()
        self._under_way += 1
        try:
            yield
        except RecordRejected:
            self._succeeded()  # one record is refused by a database that works
            raise
        except StorageError:
            self._failed_at = self._clock()
            raise
        else:
            self._succeeded()
        finally:
            self._under_way -= 1

    @property
    def is_stuck(self) -> bool:
        """True if units of work wait for seconds or have failed lately, and none has succeeded."""
        now = self._clock()
        if self._failed_at is not None and now - self._failed_at < _FRESH:
            return True
        return self._under_way > 0 and now - self._since > _PATIENCE

    def _succeeded(self) -> None:
        self._failed_at = None
        self._since = self._clock()
