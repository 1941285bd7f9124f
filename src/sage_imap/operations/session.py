"""What all conversations on one connection share: the core, the deadline, the selected mailbox.

Laws of this module:

- Every read has a deadline, an answer that is due has one too (`Patience`), and what ends a
  connection is raised as one typed error.
- No UID goes out once the server has told another UIDVALIDITY of the selected mailbox, until the
  mailbox was selected anew; what it answers behind that is not taken for an answer.
- Every event passes `Session.observe` once, in the order of the wire, whoever waits for it.
- News that nobody asked for are kept, within a bound, until somebody asks for them. What answers a
  command of ours is none. They are hints to look again: texts of messages are not kept with them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeVar

from sage_imap.errors import (
    ConnectionLost,
    LimitExceeded,
    LocalProtocolError,
    MailboxMismatch,
    OperationTimeout,
    RemoteProtocolError,
    ServerClosing,
    UIDValidityChanged,
)
from sage_imap.models.message import MessageSet
from sage_imap.models.results import SelectedMailbox
from sage_imap.operations.effects import EOF, TIMED_OUT, Operation, now, read, write
from sage_imap.operations.patience import Patience
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
    ResponseCode,
    Status,
    UntaggedStatus,
    VanishedReceived,
)
from sage_imap.protocol.rejection import rejection
from sage_imap.providers import UNKNOWN, Provider

__all__ = ["MOST_NEWS", "Answer", "Claim", "Session", "kind_of_news", "noop"]

E = TypeVar("E")
Claim = Callable[[Event], bool]
"""Says of an event whether it answers the command in flight, so that it is no news."""

_ROWS: Final = (FetchReceived, ParseFailure)
_HINTS: Final = (int, str, tuple, datetime)  # numbers, names, flags, dates
_NEWS: Final = (ExistsReceived, ExpungeReceived, VanishedReceived, FetchReceived, ParseFailure)
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "IDLE": (*_NEWS, UntaggedStatus),
    "EXISTS": (ExistsReceived,),
    "EXPUNGE": (ExpungeReceived,),
    "FETCH": (FetchReceived,),
    "VANISHED": (VanishedReceived,),
}
# News are hints to look again; whoever has missed a thousand of them looks at everything.
MOST_NEWS: Final = 1000
# Portions hold 10,000 messages at most, and LIST of the largest known accounts names 50,000
# mailboxes; beyond this a server only fills memory.
_MOST_EVENTS: Final = 250_000
# Octets that may come until a command, or the fetches in flight, are complete: the largest response
# (`Limits.response`) and half as much again. What is asked for at once is a few MiB.
_MOST_OCTETS: Final = 240 * 1024 * 1024
# What these commands are there for; of others it is news.
_REMOVALS: Final[dict[str, tuple[type, ...]]] = {
    "UID EXPUNGE": (ExpungeReceived, VanishedReceived),
    "UID MOVE": (ExpungeReceived, VanishedReceived),
}
# Octets of one response, from which on it is no row without a body.
_A_BODY: Final = 4096
# Between BYE and the end of the stream a tagged NO may still say more about the reason.
_GRACE: Final = 2.0
# Octets of a line beside the command itself: a tag of up to ten digits, a space, CRLF.
_AROUND: Final = 14
# Octets of the longest range of 32-bit UIDs; with less a set could not be sent at all.
_LEAST_ROOM: Final = len("4294967295:4294967295,")


@dataclass(slots=True)
class Answer:
    """All that came between a command and its completion."""

    completed: CommandCompleted
    events: list[Event] = field(default_factory=list)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def raise_for_status(self) -> None:
        """Raise the error that a NO or BAD stands for."""
        if self.completed.status is not Status.OK:
            raise rejection(self.completed)


class Session:
    """One connection from its greeting to its end.

    *timeout* is how many seconds the server may be silent while it owes an answer.
    """

    def __init__(self, connection: Connection, *, timeout: float) -> None:
        self.connection = connection
        self.timeout = timeout
        self.provider: Provider = UNKNOWN
        self.mailbox: SelectedMailbox | None = None
        self.namespace: NamespaceReceived | None = None
        self.news: deque[Event] = deque(maxlen=MOST_NEWS)
        self.stream: FetchStream | None = None
        """The fetches that are in flight; there is one stream on the wire at a time."""
        self._patience = Patience(timeout)
        self._claim: Claim | None = None
        self._void: UIDValidityChanged | None = None
        self._bye: ByeReceived | None = None
        self._ended = False
        self.received = 0
        """Octets that have come; differences alone have a meaning."""

    # Reading

    def receive(self, timeout: float | None = None) -> Operation[Event | None]:
        """The next event; None where *timeout* seconds (None: the session's) brought nothing.

        With a *timeout*, also where what came was no whole response, and where the wait was ended
        from outside. Without one an answer is due: `OperationTimeout` where none comes although
        the server talks.
        """
        while True:
            event = self._next()
            if event is not None:
                return event
            self.check_open()
            yield from self.flush()
            unfinished = self.connection.unfinished
            if timeout is None:
                patience = self._patience.left((yield from now()), unfinished)
            else:
                patience = timeout
            if self._bye is not None:
                patience = min(patience, _GRACE)
            bulk = unfinished >= _A_BODY
            data = yield from read(patience, wakeable=timeout is not None, bulk=bulk)
            if isinstance(data, bytes | memoryview):
                self.received += len(data)
                self.connection.receive_data(data)
            elif data is EOF:
                self.connection.receive_eof()
            elif self._bye is not None:
                raise _closing(self._bye)
            if (data is TIMED_OUT or timeout is not None) and not self.connection.has_unread:
                return None

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
            self._patience.progress()

    def absorb(self) -> list[Event]:
        """The events that were received already; nothing is read.

        Where the connection is found to have ended, that is raised to whoever reads next.
        """
        events: list[Event] = []
        try:
            while (event := self._next()) is not None:
                events.append(event)
        except RemoteProtocolError:
            pass  # the connection raises it again
        return events

    def _next(self) -> Event | None:
        event = self.connection.next_event()
        if event is NEED_DATA:
            return None
        self.observe(event)
        return event

    def check_open(self) -> None:
        """Raise why the stream has ended, if it has."""
        if self._ended:
            raise _closing(self._bye)

    def check_sendable(self) -> None:
        """Raise why nothing can be sent any more, if the server has closed or said BYE."""
        self.check_open()
        if self._bye is not None:
            raise _closing(self._bye)

    def observe(self, event: Event) -> None:
        """Take note of what an event says about the connection and the mailbox."""
        if self._claim is not None and self._claim(event):
            self._patience.progress()
        elif isinstance(event, _ROWS):
            self._take_row(event)
        elif isinstance(event, CommandCompleted):
            self._patience.progress()
            self._complete_stream(event)
        elif isinstance(event, ByeReceived):
            self._bye = event
        elif isinstance(event, ConnectionEnded):
            self._ended = True
        elif isinstance(event, UntaggedStatus):
            self._follow_uidvalidity(event)
        elif isinstance(event, _NEWS):
            self.news.append(event)
            self._count(event)

    def _take_row(self, event: FetchReceived | ParseFailure) -> None:
        if self.stream is None or not self.stream.takes(event):
            self.news.append(_as_news(event))
        elif isinstance(event, FetchReceived):  # whose garbage it is, nobody knows
            self._patience.progress()

    def _complete_stream(self, event: CommandCompleted) -> None:
        stream = self.stream
        if stream is not None and stream.owns(event.handle):
            stream.complete(event)
            stream.begun = self.received
            if not stream.in_flight:
                self.stream = None

    def _follow_uidvalidity(self, event: UntaggedStatus) -> None:
        """Where the server tells another UIDVALIDITY, all UIDs are void (RFC 9051 section 2.3.1.1).

        It is news, too, so that whoever waits for some wakes up.
        """
        found, mailbox = _uidvalidity(event.code), self.mailbox
        if found is None or mailbox is None or found == mailbox.uidvalidity:
            return
        self.mailbox = replace(mailbox, uidvalidity=found, uidnext=None, highestmodseq=None)
        if mailbox.uidvalidity is None:
            return  # told late, behind the answer to SELECT
        self._void = UIDValidityChanged(mailbox.name, mailbox.uidvalidity, found)
        self.news.append(event)
        if self.stream is not None:
            self.stream.void = self._void

    def _count(self, event: Event) -> None:
        if self.mailbox is None:
            return
        exists = self.mailbox.exists
        if isinstance(event, ExistsReceived):
            exists = event.count
        elif isinstance(event, ExpungeReceived):
            exists -= 1
        elif isinstance(event, VanishedReceived) and not event.earlier:
            exists -= len(event.uids)
        if exists != self.mailbox.exists:
            self.mailbox = replace(self.mailbox, exists=max(0, exists))

    def enter(self, mailbox: SelectedMailbox | None) -> None:
        """Take note that *mailbox* is selected now, or none; news of the one before are dropped."""
        self.mailbox = mailbox
        self._void = None
        self.news.clear()

    # Conversations

    def exchange(self, command: Command, *, claim: Claim | None = None) -> Operation[Answer]:
        """Send *command* and read until it is complete; NO and BAD are raised.

        Fetches that are in flight are read to their end first, and their rows are kept for
        whoever iterates over them. What *claim* recognises as part of the answer is no news.
        """
        answer = yield from self.attempt(command, claim=claim)
        answer.raise_for_status()
        return answer

    def attempt(self, command: Command, *, claim: Claim | None = None) -> Operation[Answer]:
        """The same, but NO and BAD are for the caller to look at."""
        handle = yield from self.begin(command)
        self._claim = claim
        try:
            return (yield from self.answer(handle))
        finally:
            self._claim = None

    def begin(self, command: Command) -> Operation[Handle]:
        """Queue *command* once nothing else is in flight.

        Raises `ConnectionLost` where the server took its leave meanwhile, and `UIDValidityChanged`
        where the command is about UIDs that are void; nothing is sent then.
        """
        yield from self.settle()
        while self._next() is not None:
            pass
        self.check_sendable()
        if _about_uids(command.name):
            self.check_uids()
        return self.connection.send(command)

    def answer(self, handle: Handle) -> Operation[Answer]:
        """Read until the command of *handle* is complete.

        Raises `UIDValidityChanged` where its UIDs became void meanwhile: which messages the server
        took it for is not known.
        """
        events: list[Event] = []
        begun = self.received
        while len(events) < _MOST_EVENTS:
            event = yield from self.expect()
            self.check_amount(begun)
            if isinstance(event, CommandCompleted) and event.handle == handle:
                if _about_uids(handle.name):
                    self.check_uids(sent=True)
                return Answer(event, events)
            if isinstance(event, _REMOVALS.get(handle.name, ())):
                self._patience.progress()
            events.append(event)
        raise LimitExceeded(f"a command was answered by {_MOST_EVENTS} responses and no end")

    def settle(self) -> Operation[None]:
        """Read the fetches that are in flight to their end.

        Their rows wait for whoever iterates over them. Raises `LimitExceeded` where the server
        sends much more than was asked for.
        """
        begun = self.received
        while self.stream is not None:
            yield from self.expect()
            self.check_amount(begun)

    def check_amount(self, begun: int) -> None:
        """Raise `LimitExceeded` where since *begun* more came than an answer may have."""
        if self.received - begun > _MOST_OCTETS:
            raise LimitExceeded(f"an answer had {_MOST_OCTETS} octets and no end")

    @property
    def at_rest(self) -> bool:
        """Whether all that the server still owes is what somebody comes back for.

        That are the fetches of a stream, and an IDLE that is held.
        """
        expected = self.stream.in_flight if self.stream is not None else 0
        return self.connection.pending == expected + self.connection.idling

    # Guards

    def check_uids(self, *, sent: bool = False) -> None:
        """Raise `UIDValidityChanged` where the UIDs of the selected mailbox are void.

        With *sent* a command about them was under way, whose outcome is not known.
        """
        if self._void is not None:
            raise self._void.anew(sent=sent)

    def uids_for(self, message_set: MessageSet, what: str) -> str:
        """The set's wire form, once it is certain that it belongs to the selected mailbox.

        Raises `LocalProtocolError` where no mailbox is selected, `UIDValidityChanged` where all its
        UIDs are void, and `MailboxMismatch`; nothing is sent then.
        """
        if not isinstance(message_set, MessageSet):
            raise LocalProtocolError(
                f"{what} is about a MessageSet: what search() found, or of UIDs of your own "
                "MessageSet.from_uids([1, 2]); nothing was sent"
            )
        if self.mailbox is None:
            raise LocalProtocolError(f"{what} needs a selected mailbox; nothing was sent")
        self.check_uids()
        if not message_set.matches(self.mailbox.name, self.mailbox.uidvalidity):
            raise _mismatch(message_set, self.mailbox)
        return str(message_set)

    def check_writable(self, what: str) -> None:
        """Raise `LocalProtocolError` where the mailbox is selected read-only.

        Some servers answer OK to what they do not do there.
        """
        if self.mailbox is not None and self.mailbox.read_only:
            raise LocalProtocolError(f"the mailbox is selected read-only; {what} was not sent")

    def room_for_uids(self, command: Command) -> int:
        """Octets that a set of UIDs may take in *command*, so that the provider accepts the line.

        The set stands in *command* already, as ``1``.
        """
        return max(self.provider.command_length - self.length_of(command), _LEAST_ROOM)

    def length_of(self, command: Command) -> int:
        """Octets that *command* takes on the wire, tag and line end included."""
        pieces = command.render(utf8=self.connection.utf8)
        taken = sum(len(p) if isinstance(p, bytes) else len(p.data) + _AROUND for p in pieces)
        return taken + _AROUND

    def take_news(self) -> list[Event]:
        """What the server told unasked since the last call.

        One by one, so that nothing is lost or told twice where another thread adds or takes some.
        """
        news: list[Event] = []
        with suppress(IndexError):
            while True:
                news.append(self.news.popleft())
        return news

    def keep_others(self, kind: tuple[type, ...], news: list[Event]) -> list[Event]:
        """Those of *news* that are of *kind*; the others are kept as news."""
        self.news.extendleft(reversed([event for event in news if not isinstance(event, kind)]))
        return [event for event in news if isinstance(event, kind)]

    def offers(self, capability: str) -> bool:
        """Whether the server offers *capability*."""
        return self.connection.offers(capability)


def _mismatch(message_set: MessageSet, selected: SelectedMailbox) -> MailboxMismatch:
    if not message_set.matches(selected.name):
        return MailboxMismatch(
            "the messages belong to another mailbox than the selected one: select theirs, or "
            "search in this one; nothing was sent"
        )
    return MailboxMismatch(
        f"the messages belong to UIDVALIDITY {message_set.uidvalidity} of the mailbox, which has "
        f"{selected.uidvalidity} now, so that their UIDs are void: search again; nothing was sent"
    )


def kind_of_news(name: str) -> tuple[type, ...]:
    """The events that the response *name* stands for; ``IDLE`` are all that come unasked."""
    kind = _KINDS.get(name.upper()) if isinstance(name, str) else None
    if kind is None:
        raise LocalProtocolError(f"news are of the kinds {', '.join(_KINDS)}")
    return kind


def noop(session: Session) -> Operation[None]:
    """Give the server an occasion to tell news."""
    yield from session.exchange(commands.noop())


def _closing(bye: ByeReceived | None) -> ConnectionLost:
    if bye is None:
        return ConnectionLost("the connection was closed without a word from the server")
    return ServerClosing(bye.code.name if bye.code else None, bye.text)


def _as_news(event: FetchReceived | ParseFailure) -> FetchReceived | ParseFailure:
    """The event without texts, envelopes and structures, which nobody asked for."""
    if isinstance(event, ParseFailure):
        return event
    items = event.items.items()
    told: dict[str, object] = {key: value for key, value in items if isinstance(value, _HINTS)}
    return event if len(told) == len(items) else FetchReceived(event.seq, told)


def _about_uids(name: str) -> bool:
    return name.startswith("UID ")


def _uidvalidity(code: ResponseCode | None) -> int | None:
    if code is None or code.name != "UIDVALIDITY" or len(code.args) != 1:
        return None
    return code.args[0] if isinstance(code.args[0], int) else None
