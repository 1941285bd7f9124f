"""Plays a case's bytes to a `Connection` and keeps what it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sage_imap.errors import (
    AuthenticationFailed,
    CommandRejected,
    IMAPError,
    LimitExceeded,
    RemoteProtocolError,
)
from sage_imap.protocol.command import Command, Literal
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import (
    NEED_DATA,
    ByeReceived,
    CommandCompleted,
    ConnectionEnded,
    ContinuationRequested,
    Event,
    GreetingReceived,
    Handle,
    Status,
)
from sage_imap.protocol.rejection import rejection
from sage_imap.protocol.state import ConnectionState
from sage_imap.testing.cases import Case

__all__ = ["Outcome", "play"]

_STATES: Final = {
    "greeting": ConnectionState.GREETING,
    "not-authenticated": ConnectionState.NOT_AUTHENTICATED,
    "authenticated": ConnectionState.AUTHENTICATED,
    "selected": ConnectionState.SELECTED,
    "idle": ConnectionState.SELECTED,
}
_LITERAL: Final = re.compile(r"\{([0-9]+)\+?\}$")
_FIRST_COMPLETION: Final = re.compile(rb"(?:\A|\r\n)A1 ")


@dataclass(slots=True)
class Outcome:
    """What the connection made of a case."""

    events: list[Event] = field(default_factory=list)
    completions: dict[str, CommandCompleted] = field(default_factory=dict)
    challenge: str = ""
    failure: IMAPError | None = None
    ended: ConnectionEnded | None = None
    in_step: bool | None = None
    """Whether the connection passed the probe; None: it was not probed."""

    def error(self, tag: str, *, open_command: bool) -> tuple[str | None, IMAPError | None]:
        """The kind of error that the command *tag* ended in, and the error where there is one."""
        completion = self.completions.get(tag)
        if self.failure is not None:
            kind = "limit" if isinstance(self.failure, LimitExceeded) else "protocol"
            return kind, self.failure
        if completion is not None:
            return self._rejection(completion)
        if any(_is_refusal(event) for event in self.events):
            return "bye", None
        if self.ended is not None and (open_command or not self.ended.clean or not self.events):
            said = any(isinstance(event, ByeReceived) for event in self.events)
            return (
                None if self.ended.clean and said else "bye" if said else "connection-lost"
            ), None
        return None, None

    def _rejection(self, completion: CommandCompleted) -> tuple[str | None, IMAPError | None]:
        if completion.status is Status.OK:
            return None, None
        error: CommandRejected = rejection(completion, challenge=self.challenge)
        return ("auth" if isinstance(error, AuthenticationFailed) else "rejected"), error


def _is_refusal(event: Event) -> bool:
    return isinstance(event, GreetingReceived) and event.status is Status.BYE


def play(case: Case, cuts: Sequence[int]) -> Outcome:
    """Play *case* with its bytes cut into reads at *cuts*.

    Raises only what is a bug of the connection.
    """
    player = _Player(case)
    player.begin()
    player.deliver(cuts)
    player.end()
    return player.outcome


class _Player:
    def __init__(self, case: Case) -> None:
        self.outcome = Outcome()
        self._case = case
        self._connection = Connection(
            state=_STATES[case.state], enabled=case.enabled, tag_prefix="A"
        )
        self._handles: list[Handle] = []

    def begin(self) -> None:
        """Send the commands, and reach IDLE where the case begins there."""
        for text in (self._case.command, self._case.command2):
            if text is not None:
                self._handles.append(self._connection.send(_command(text)))
                self._connection.data_to_send()
        if self._case.state == "idle":
            self._connection.receive_data(b"+ idling\r\n")
            while self._connection.next_event() is not NEED_DATA:
                pass

    def deliver(self, cuts: Iterable[int]) -> None:
        """Deliver the bytes, and end IDLE before its completion."""
        data = self._case.data
        done = self._done_offset()
        bounds = sorted({*(cut for cut in cuts if 0 < cut < len(data)), len(data)})
        if done is not None and not self._case.whole:
            bounds = sorted({*bounds, done})
        start = 0
        for end in bounds:
            self._connection.receive_data(data[start:end])
            self._drain()
            if end == done:
                self._finish_idle()
            start = end

    def end(self) -> None:
        """Carry out what happens after the last byte, and probe the connection."""
        if self._case.then == "close":
            self._connection.receive_eof()
            self._drain()
        elif self.outcome.failure is None and not self._is_over():
            self.outcome.in_step = self._probe()

    def _done_offset(self) -> int | None:
        """Where the completion begins, which DONE has to precede; None: nothing is to be done."""
        if self._case.state != "idle" or not self._case.done:
            return None
        match = _FIRST_COMPLETION.search(self._case.data)
        return None if match is None else match.end() - len(b"A1 ")

    def _finish_idle(self) -> None:
        if self._connection.idling:
            self._connection.send_line(b"DONE")
            self._connection.data_to_send()

    def _is_over(self) -> bool:
        return self._connection.state in (ConnectionState.LOGOUT, ConnectionState.CLOSED)

    def _drain(self) -> None:
        outcome = self.outcome
        while outcome.failure is None:
            try:
                event = self._connection.next_event()
            except RemoteProtocolError as error:
                outcome.failure = error
                return
            if event is NEED_DATA:
                return
            self._keep(event)

    def _keep(self, event: Event) -> None:
        if isinstance(event, CommandCompleted):
            self.outcome.completions[event.handle.tag] = event
        elif isinstance(event, ConnectionEnded):
            self.outcome.ended = event
        else:
            self.outcome.events.append(event)
        if isinstance(event, ContinuationRequested):
            self._answer(event)

    def _answer(self, event: ContinuationRequested) -> None:
        """Answer a continuation of AUTHENTICATE; those of literals answer themselves."""
        self._connection.data_to_send()
        if self._handles and self._handles[0].name == "AUTHENTICATE":
            self.outcome.challenge = event.text
            self._connection.send_line(b"")
            self._connection.data_to_send()

    def _probe(self) -> bool:
        """Whether a NOOP completes when it is answered, and not before."""
        idle = bool(self._handles) and self._handles[0].tag not in self.outcome.completions
        if idle:
            return False
        handle = self._connection.send(Command("NOOP"))
        self._connection.data_to_send()
        self._drain()
        if handle.tag in self.outcome.completions:
            return False
        self._connection.receive_data(f"{handle.tag} OK done\r\n".encode())
        self._drain()
        completion = self.outcome.completions.pop(handle.tag, None)
        return completion is not None and completion.status is Status.OK


def _command(text: str) -> Command:
    """The command that *text* describes, as it would be sent without its tag."""
    words = 2 if text.upper().startswith("UID ") else 1
    pieces = text.split(" ", words)
    name, rest = " ".join(pieces[:words]), pieces[words] if len(pieces) > words else ""
    literal = _LITERAL.search(rest)
    if literal is None:
        return Command(name.upper(), (rest.encode(),) if rest else ())
    before = rest[: literal.start()].encode()
    return Command(name.upper(), (before, Literal(b"x" * int(literal[1]))))
