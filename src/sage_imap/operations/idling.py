"""IDLE (RFC 2177): begin, wait, renew, end.

A server may close a connection that was silent for half an hour (RFC 9051 section 5.4), and a NAT
in between forgets it much sooner, so IDLE is ended and begun anew after `renew` seconds. That is
also how a dead link is noticed: DONE is owed an answer within the session's timeout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeGuard

from sage_imap.errors import OperationTimeout
from sage_imap.operations.effects import Operation, now
from sage_imap.operations.session import Session
from sage_imap.protocol import extensions
from sage_imap.protocol.events import CommandCompleted, Event, Handle, Status
from sage_imap.protocol.rejection import rejection

__all__ = ["RENEW", "Idle", "begin", "end", "wait"]

RENEW: Final = 540.0
"""Seconds; below the ten minutes after which common NATs and Exchange forget a connection."""


@dataclass(slots=True)
class Idle:
    """An IDLE in flight; ``handle`` is None once it is over. ``renew`` is in seconds."""

    renew: float
    handle: Handle | None = None
    begun: float = 0.0


def begin(session: Session, idle: Idle) -> Operation[None]:
    """Send IDLE and wait until the server holds it. Raises `CapabilityMissing`, NO and BAD."""
    yield from session.settle()
    handle = session.connection.send(extensions.idle())
    while not session.connection.idling:
        event = yield from session.expect()
        if _over(event, handle):
            raise rejection(event)
    idle.handle = handle
    idle.begun = yield from now()


def wait(session: Session, idle: Idle, timeout: float) -> Operation[list[Event]]:
    """News as soon as there are any; the empty list after *timeout* seconds without."""
    deadline = (yield from now()) + timeout
    while not session.news:
        if idle.handle is None:
            yield from begin(session, idle)
            continue
        moment = yield from now()
        if moment >= idle.begun + idle.renew:
            yield from end(session, idle)
            continue
        if moment >= deadline:
            return []
        event = yield from session.receive(min(deadline, idle.begun + idle.renew) - moment)
        if event is not None and _over(event, idle.handle):
            # The server ended IDLE by itself; a NO would end it for ever.
            idle.handle = None
            if event.status is not Status.OK:
                raise rejection(event)
    while session.connection.has_unread:
        yield from session.receive(0)
    return session.take_news()


def end(session: Session, idle: Idle) -> Operation[None]:
    """Send DONE and wait for the completion; news that come meanwhile are kept."""
    handle, idle.handle = idle.handle, None
    if handle is None:
        return
    session.connection.send_line(b"DONE")
    try:
        yield from session.answer(handle)
    except OperationTimeout as error:
        raise OperationTimeout("DONE was not answered: the link is dead") from error


def _over(event: Event, handle: Handle) -> TypeGuard[CommandCompleted]:
    return isinstance(event, CommandCompleted) and event.handle == handle
