"""IDLE as the blocking client shows it."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sage_imap.operations import idling
from sage_imap.protocol.events import Event

if TYPE_CHECKING:
    from sage_imap.services.driver import Driver

__all__ = ["IdleSession"]


class IdleSession:
    """An IDLE in flight; it is renewed every *renew* seconds while somebody waits.

    No other command can be sent until `done`.
    """

    def __init__(self, driver: Driver, *, renew: float) -> None:
        self._driver = driver
        self._idle = idling.Idle(renew)

    @property
    def held(self) -> bool:
        """Whether the server holds it: begun, and neither ended nor lost."""
        return self._driver.usable and self._idle.held_on(self._driver.session)

    @property
    def renew(self) -> float:
        """Seconds after which IDLE is begun anew."""
        return self._idle.renew

    def begin(self) -> Self:
        """Send IDLE and wait until the server holds it; this session."""
        self._driver.run(idling.begin, self._idle)
        return self

    def wait(self, timeout: float) -> list[Event]:
        """News as soon as there are any; the empty list after *timeout* seconds without.

        A link that is gone raises `ConnectionLost` at once, one that is deaf at the next renewal.
        """
        return self._driver.run(idling.wait, self._idle, timeout)

    def done(self) -> None:
        """End IDLE; news that came meanwhile are kept for the next one."""
        self._driver.run(idling.end, self._idle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.held:
            self.done()

    def __iter__(self) -> Iterator[Event]:
        while True:
            yield from self.wait(self.renew)
