"""IDLE (RFC 2177): begin, wait, renew, end.

A server may close a connection that was silent for half an hour (RFC 9051 section 5.4), and a NAT
in between forgets it much sooner, so IDLE is ended and begun anew after `renew` seconds. That is
also how a dead link is noticed: DONE is owed an answer within the session's timeout.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sage_imap.errors import LocalProtocolError, OperationTimeout
from sage_imap.operations.effects import Operation, now
from sage_imap.operations.session import Session
from sage_imap.protocol import extensions
from sage_imap.protocol.events import CommandCompleted, Event, Handle, Status
from sage_imap.protocol.rejection import rejection
from sage_imap.protocol.state import ConnectionState

__all__ = ["Idle", "begin", "end", "wait"]


# Seconds from one IDLE to the next.
_LEAST: Final = 1.0


@dataclass(slots=True)
class Idle:
    """An IDLE in flight; ``handle`` is None once it is over. ``renew`` is in seconds.

    It belongs to the ``session`` on which it was begun last; None where it never was. Once it is
    ``stopped``, which another thread may say at any time, a wait ends it instead of going on.
    """

    renew: float
    handle: Handle | None = None
    begun: float = 0.0
    session: Session | None = None
    stopped: bool = False

    @property
    def rests_until(self) -> float:
        """When it may be begun anew: a server that ends it at once is not asked without a pause."""
        return self.begun + min(self.renew, _LEAST) if self.session is not None else 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.renew, int | float) or not 0 < self.renew < math.inf:
            raise LocalProtocolError("renew is a positive number of seconds; nothing was sent")

    def held_on(self, session: Session) -> bool:
        """Whether the server of *session* holds it, as far as is known."""
        return self.handle is not None and self.session is session


def begin(session: Session, idle: Idle) -> Operation[None]:
    """Send IDLE and wait until the server holds it. Raises `CapabilityMissing`, NO and BAD.

    Does nothing where it is held already. `LocalProtocolError` where no mailbox is selected, since
    there is nothing that the server could tell then.
    """
    if idle.held_on(session):
        return
    if session.connection.state is not ConnectionState.SELECTED:
        raise LocalProtocolError("IDLE needs a selected mailbox; nothing was sent")
    idle.handle = yield from session.begin(extensions.idle())
    idle.session = session
    while idle.handle is not None and not session.connection.idling:
        _note_end(idle, [(yield from session.expect())])
    idle.begun = yield from now()


def wait(session: Session, idle: Idle, timeout: float) -> Operation[list[Event]]:
    """News as soon as there are any; the empty list after *timeout* seconds without.

    With a *timeout* of zero, what has come by now. Where *idle* is stopped, it is ended and what is
    there is told at once. Raises `LocalProtocolError` where its connection has ended and there is
    another now.
    """
    if idle.session not in (None, session):
        return _elsewhere(idle)
    deadline = (yield from now()) + _seconds(timeout)
    polled = False
    while not (session.news or idle.stopped):
        moment = yield from now()
        if moment >= deadline and polled:
            break
        if idle.handle is None and moment >= idle.rests_until:
            yield from begin(session, idle)
            continue
        if idle.handle is None:
            yield from session.receive(max(0.0, min(deadline, idle.rests_until) - moment))
            polled = True
            continue
        if moment >= idle.begun + idle.renew:
            yield from end(session, idle)
            continue
        patience = min(deadline, idle.begun + idle.renew) - moment
        event = yield from session.receive(max(0.0, patience))
        polled = True
        if event is not None:
            _note_end(idle, [event])
    if idle.stopped:
        yield from end(session, idle)
    _note_end(idle, session.absorb())
    if not session.news:
        session.check_open()
    return session.take_news()


def _seconds(timeout: float) -> float:
    if not isinstance(timeout, int | float):
        raise LocalProtocolError(f"a timeout is a number of seconds, not {timeout!r}")
    return timeout


def _elsewhere(idle: Idle) -> list[Event]:
    if idle.stopped:
        return []
    raise LocalProtocolError(
        "the connection of this IDLE has ended; nothing was sent on the one that there is now: "
        "select the mailbox and begin anew with client.idle()"
    )


def end(session: Session, idle: Idle) -> Operation[None]:
    """Send DONE and wait for the completion; news that come meanwhile are kept.

    An IDLE of a connection that has ended is over without a word.
    """
    if idle.session is not session:
        idle.handle = None
        return
    _note_end(idle, session.absorb())
    handle, idle.handle = idle.handle, None
    if handle is None:
        return
    session.connection.send_line(b"DONE")
    try:
        yield from session.answer(handle)
    except OperationTimeout as error:
        raise OperationTimeout("DONE was not answered: the link is dead") from error


def _note_end(idle: Idle, events: Iterable[Event]) -> None:
    """Take note where the server ended IDLE by itself; raises its NO or BAD."""
    for event in events:
        if isinstance(event, CommandCompleted) and event.handle == idle.handle:
            idle.handle = None
            if event.status is not Status.OK:
                raise rejection(event)
