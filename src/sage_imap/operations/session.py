"""What all conversations on one connection share: the core, the deadline, the selected mailbox.

Laws of this module:

- Every read has a deadline, and what ends a connection is raised as one typed error.
- Every event passes `Session.observe` once, in the order of the wire, whoever waits for it.
- News that nobody asked for are kept, within a bound, until somebody asks for them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from sage_imap.errors import (
    ConnectionLost,
    LocalProtocolError,
    MailboxMismatch,
    OperationTimeout,
    ServerClosing,
)
from sage_imap.models.message import MessageSet
from sage_imap.models.results import SelectedMailbox
from sage_imap.operations.effects import EOF, TIMED_OUT, Operation, read, write
from sage_imap.operations.streams import FetchStream
from sage_imap.protocol import commands
from sage_imap.protocol.command import Command
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import (
    NEED_DATA,
    ByeReceived,
    CommandCompleted,
    ConnectionEnded,
    Event,
    ExistsReceived,
    ExpungeReceived,
    FetchReceived,
    Handle,
    NamespaceReceived,
    ParseFailure,
    Status,
    VanishedReceived,
)
from sage_imap.protocol.rejection import rejection

__all__ = ["Answer", "Session", "noop"]

E = TypeVar("E")

_NEWS: Final = (ExistsReceived, ExpungeReceived, VanishedReceived, FetchReceived, ParseFailure)
# News are hints to look again; whoever has missed a thousand of them looks at everything.
_MOST_NEWS: Final = 1000


@dataclass(slots=True)
class Answer:
    """All that came between a command and its completion."""

    completed: CommandCompleted
    events: list[Event] = field(default_factory=list)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]


class Session:
    """One connection from its greeting to its end.

    *timeout* is how many seconds the server may be silent while it owes an answer.
    """

    def __init__(self, connection: Connection, *, timeout: float) -> None:
        self.connection = connection
        self.timeout = timeout
        self.mailbox: SelectedMailbox | None = None
        self.namespace: NamespaceReceived | None = None
        self.news: deque[Event] = deque(maxlen=_MOST_NEWS)
        self.streams: deque[FetchStream] = deque()
        self._bye: ByeReceived | None = None

    # Reading

    def receive(self, timeout: float | None = None) -> Operation[Event | None]:
        """The next event; None where *timeout* seconds (None: the session's) brought nothing."""
        while True:
            event = self.connection.next_event()
            if event is not NEED_DATA:
                self.observe(event)
                return event
            yield from self.flush()
            data = yield from read(self.timeout if timeout is None else timeout)
            if data is TIMED_OUT:
                return None
            if data is EOF:
                self.connection.receive_eof()
            elif isinstance(data, bytes):
                self.connection.receive_data(data)

    def expect(self) -> Operation[Event]:
        """The next event, which is due: `OperationTimeout` where none comes in time."""
        event = yield from self.receive()
        if event is None:
            raise OperationTimeout(f"nothing came for {self.timeout:g} seconds")
        return event

    def flush(self) -> Operation[None]:
        """Send what is ready to be sent."""
        while data := self.connection.data_to_send():
            yield from write(data)

    def observe(self, event: Event) -> None:
        """Take note of what an event says about the connection and the mailbox."""
        if isinstance(event, FetchReceived | ParseFailure):
            if not (self.streams and self.streams[0].takes(event)):
                self.news.append(event)
        elif isinstance(event, CommandCompleted):
            self._complete_stream(event)
        elif isinstance(event, ByeReceived):
            self._bye = event
        elif isinstance(event, ConnectionEnded):
            raise self._lost()
        elif isinstance(event, _NEWS):
            self.news.append(event)
            self._count(event)

    def _complete_stream(self, event: CommandCompleted) -> None:
        if self.streams and self.streams[0].owns(event.handle):
            stream = self.streams[0]
            stream.complete(event)
            if not stream.in_flight:
                self.streams.popleft()

    def _count(self, event: Event) -> None:
        if self.mailbox is None:
            return
        if isinstance(event, ExistsReceived):
            self.mailbox = replace(self.mailbox, exists=event.count)
        elif isinstance(event, ExpungeReceived):
            self.mailbox = replace(self.mailbox, exists=max(0, self.mailbox.exists - 1))

    def _lost(self) -> ConnectionLost:
        if self._bye is not None:
            code = self._bye.code.name if self._bye.code else None
            return ServerClosing(code, self._bye.text)
        return ConnectionLost("the server closed the connection without a word")

    # Conversations

    def exchange(self, command: Command) -> Operation[Answer]:
        """Send *command* and read until it is complete; NO and BAD are raised.

        Fetches that are in flight are read to their end first, and their rows are kept for
        whoever iterates over them.
        """
        answer = yield from self.attempt(command)
        if answer.completed.status is not Status.OK:
            raise rejection(answer.completed)
        return answer

    def attempt(self, command: Command) -> Operation[Answer]:
        """The same, but NO and BAD are for the caller to look at."""
        yield from self.settle()
        handle = self.connection.send(command)
        return (yield from self.answer(handle))

    def answer(self, handle: Handle) -> Operation[Answer]:
        """Read until the command of *handle* is complete."""
        events: list[Event] = []
        while True:
            event = yield from self.expect()
            if isinstance(event, CommandCompleted) and event.handle == handle:
                return Answer(event, events)
            events.append(event)

    def settle(self) -> Operation[None]:
        """Read the fetches that are in flight to their end."""
        while self.streams:
            yield from self.expect()

    # Guards

    def uids_for(self, message_set: MessageSet, what: str) -> str:
        """The set's wire form, once it is certain that it belongs to the selected mailbox.

        Raises `LocalProtocolError` where no mailbox is selected, and `MailboxMismatch`; nothing
        is sent then.
        """
        if self.mailbox is None:
            raise LocalProtocolError(f"{what} needs a selected mailbox; nothing was sent")
        if not message_set.matches(self.mailbox.name, self.mailbox.uidvalidity):
            raise MailboxMismatch(
                f"the messages belong to another mailbox or UIDVALIDITY than the selected one; "
                f"{what} was not sent"
            )
        return str(message_set)

    def take_news(self) -> list[Event]:
        """What the server told unasked since the last call."""
        news = list(self.news)
        self.news.clear()
        return news

    def offers(self, capability: str) -> bool:
        """Whether the server offers *capability*."""
        return self.connection.offers(capability)


def noop(session: Session) -> Operation[None]:
    """Give the server an occasion to tell news."""
    yield from session.exchange(commands.noop())
