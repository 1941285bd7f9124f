"""IDLE as the blocking client shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sage_imap.errors import ConnectionLost, IMAPError
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

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it: it was ended, or its connection has."""
        return not self._is_current or (self._idle.stopped and not self.held)

    @property
    def _is_current(self) -> bool:
        """Whether the connection of it, or that on which it is to begin, is the one there is."""
        return self._driver.usable and self._idle.session in (None, self._driver.session)

    def begin(self) -> Self:
        """Send IDLE and wait until the server holds it; this session."""
        self._idle.stopped = False
        self._driver.calm()
        try:
            self._driver.run(idling.begin, self._idle)
        except BaseException:
            self._idle.stopped = True
            raise
        return self

    def wait(self, timeout: float) -> list[Event]:
        """News as soon as there are any; the empty list after *timeout* seconds without.

        A link that is gone raises `ConnectionLost` at once, one that is deaf at the next renewal.
        Once it is ended, from wherever, a wait returns at once.
        """
        return self._driver.run(idling.wait, self._idle, timeout)

    def done(self) -> None:
        """End IDLE; news that came meanwhile are kept for the next one.

        From another thread, and from a signal handler, it also ends the wait that goes on.
        """
        self.stop()
        if self._is_current and not self._driver.interrupted:
            self._driver.run(idling.end, self._idle)

    def stop(self) -> None:
        """Have whoever waits end IDLE and return; nothing is waited for here."""
        self._idle.stopped = True
        self._driver.rouse()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.held:
            with suppress(*(() if error is None else (IMAPError,))):
                self.done()

    def __iter__(self) -> Iterator[Event]:
        while not self._idle.stopped:
            try:
                news = self.wait(self.renew)
            except ConnectionLost:
                if not self._driver.leaving:  # else logout() was about to stop it
                    raise
                return
            yield from news
        if self.held:  # it was stopped while an event was being dealt with
            self.done()
