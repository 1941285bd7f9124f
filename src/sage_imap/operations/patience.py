"""How long an answer that is due may take, from a server that is not silent.

Silence has a deadline of its own: the session's timeout, for each read. But a line that says
nothing of what was asked for ends a silence, and a server may send such lines for ever. On the
other hand an answer may rightly take long: Dovecot says ``* OK Still here`` every 15 seconds while
it searches, and a fetch brings a gigabyte. So what is bounded is the time without *progress*, and
progress is

- octets of ours that went out, since the server could not answer what it did not have;
- a completion, a row that was asked for, and an EXPUNGE that was;
- octets of a response that is still open, by their number: at `_LEAST_RATE` a response of any size
  has the time that it needs, while a drip of single octets has not.

Anything else (OK, EXISTS, flags that nobody asked for) is no progress. The bound is `_TIMEOUTS`
times the timeout: with that of 30 seconds the half hour after which a server may itself end a
connection that is idle (RFC 9051 section 5.4).
"""

from __future__ import annotations

from typing import Final

from sage_imap.errors import OperationTimeout

__all__ = ["Patience"]

_TIMEOUTS: Final = 60
# Octets a second; the modems of the age of RFC 1730 were faster.
_LEAST_RATE: Final = 1024


class Patience:
    """The time without progress while an answer is due; *timeout* is that of one silence."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._waited = 0.0
        self._asked: float | None = None

    def progress(self) -> None:
        """Something was done or came that brings the answer nearer."""
        self._waited, self._asked = 0.0, None

    def left(self, moment: float, unfinished: int) -> float:
        """Seconds that the next read may wait at *moment*.

        *unfinished* are the octets that have come of a response that is not complete. Raises
        `OperationTimeout` where none are left. The time is that of the reads, none of which takes
        longer than *timeout*: it does not pass while nobody reads.
        """
        if self._asked is not None:
            self._waited += min(moment - self._asked, self.timeout)
        self._asked = moment
        most = self.timeout * _TIMEOUTS
        left = most + unfinished / _LEAST_RATE - self._waited
        if left <= 0:
            raise OperationTimeout(
                f"for {most:g} seconds the server sent lines, but nothing of the answer; "
                "the connection is given up"
            )
        return min(self.timeout, left)
