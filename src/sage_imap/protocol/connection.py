"""One IMAP connection: bytes in, facts out; commands in, bytes out.

Laws of this module:

- `Connection.next_event` raises `RemoteProtocolError` (and its kind) and nothing else, whatever the
  server sends; `Connection.send` raises `LocalProtocolError` (and its kind) and nothing else, and
  has then changed nothing.
- Facts that came before a fatal error are reported before it is raised, but for the OK of a
  STARTTLS with plaintext behind it in the same read: no handshake is to begin. It is then raised
  for ever.
- Nothing is sent that the server is not ready for: no literal before its continuation, no command
  between STARTTLS and the handshake, nothing in IDLE but DONE.
- How the stream was cut into reads makes no difference.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from typing import Final

from sage_imap.errors import CapabilityMissing, LocalProtocolError, RemoteProtocolError
from sage_imap.protocol import capabilities as capability_rules
from sage_imap.protocol.command import Command, Literal
from sage_imap.protocol.events import (
    NEED_DATA,
    ByeReceived,
    CapabilitiesReceived,
    CommandCompleted,
    ConnectionEnded,
    ContinuationRequested,
    Event,
    ExtensionsEnabled,
    FetchReceived,
    GreetingReceived,
    Handle,
    NeedData,
    Status,
    UntaggedStatus,
)
from sage_imap.protocol.extensions.literal_plus import largest_unasked
from sage_imap.protocol.framing import Frame, Framer
from sage_imap.protocol.grammar import DecodeContext, decode, decode_rows
from sage_imap.protocol.limits import DEFAULT_LIMITS, Limits
from sage_imap.protocol.outbox import Outbox, segments
from sage_imap.protocol.quirks import Quirks
from sage_imap.protocol.state import ConnectionState, check_allowed, state_after

__all__ = ["Connection"]

_CONVERSATIONS: Final = frozenset({"AUTHENTICATE", "IDLE"})
_SIGN_IN: Final = frozenset({"AUTHENTICATE", "LOGIN"})
# Events that change the connection; most that come by the thousand do not.
_CONSEQUENTIAL: Final = frozenset(
    {
        ByeReceived,
        CapabilitiesReceived,
        CommandCompleted,
        ContinuationRequested,
        ExtensionsEnabled,
        GreetingReceived,
        UntaggedStatus,
    }
)
_STATE_AFTER_GREETING: Final = {
    Status.OK: ConnectionState.NOT_AUTHENTICATED,
    Status.PREAUTH: ConnectionState.AUTHENTICATED,
    Status.BYE: ConnectionState.LOGOUT,
}
_OVER: Final = frozenset({ConnectionState.LOGOUT, ConnectionState.CLOSED})
# At the end of a line it makes the next command the content of a literal.
_MARKER: Final = re.compile(rb"\{[0-9]+\+?\}\Z")


class Connection:
    """The client's end of one IMAP connection, without the network.

    *state*, *capabilities* and *enabled* say where to begin; they are for connections that were
    brought there by other means. ``unknown_tags`` counts completions of commands that are not
    open, which were ignored.
    """

    def __init__(
        self,
        *,
        limits: Limits = DEFAULT_LIMITS,
        quirks: Quirks | None = None,
        tag_prefix: str = "A",
        state: ConnectionState = ConnectionState.GREETING,
        capabilities: Iterable[str] | None = None,
        enabled: Iterable[str] = (),
    ) -> None:
        self.limits = limits
        self.quirks = Quirks() if quirks is None else quirks
        self.unknown_tags = 0
        self._tag_prefix = tag_prefix
        self._tag_number = 0
        self._state = state
        self._capabilities = frozenset(name.upper() for name in capabilities or ())
        self._capabilities_known = capabilities is not None
        self._capabilities_renewed = False
        self._enabled = frozenset(name.upper() for name in enabled)
        self._open: dict[bytes, Handle] = {}
        self._conversation: Handle | None = None  # an AUTHENTICATE or IDLE that is being held
        self._asked = False  # the server waits for a line of it
        self._handshake_due = False
        self._eof = False
        self._error: RemoteProtocolError | None = None
        self._events: deque[Event] = deque()
        self._framer = Framer(limits, self.quirks)
        self._outbox = Outbox()
        self._context = DecodeContext(
            limits, self.quirks, handles=self._open, greeting=state is ConnectionState.GREETING
        )
        self._follow_utf8()

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands, as of the last event that was decoded."""
        return self._state

    @property
    def capabilities(self) -> frozenset[str]:
        """The capabilities in force, in upper case; empty while they are not known."""
        return self._capabilities

    @property
    def capabilities_known(self) -> bool:
        """Whether the server named its capabilities since the last change of what it offers."""
        return self._capabilities_known

    @property
    def enabled(self) -> frozenset[str]:
        """The extensions that ENABLE switched on, in upper case."""
        return self._enabled

    @property
    def utf8(self) -> bool:
        """Whether mailbox names and strings are UTF-8 on the wire."""
        return self._context.utf8

    @property
    def idling(self) -> bool:
        """Whether the server is in IDLE and waits for DONE."""
        idle = self._conversation
        return idle is not None and idle.name == "IDLE" and self._asked

    @property
    def pending(self) -> int:
        """The number of commands that were sent and are not complete."""
        return len(self._open)

    @property
    def has_unread(self) -> bool:
        """Whether `next_event` has something to tell without more data."""
        if not self._events and self._error is None:
            self._advance()
        return bool(self._events) or self._error is not None

    @property
    def open_response(self) -> bool:
        """Whether a response has begun and its end did not come yet."""
        return bool(self._framer.buffered)

    @property
    def unfinished(self) -> int:
        """The number of octets that have come of a response whose end did not come yet."""
        return self._framer.buffered

    def offers(self, capability: str) -> bool:
        """Whether the server offers *capability*, itself or by another that implies it."""
        return capability_rules.offers(self._capabilities, capability)

    def assume_enabled(self, names: Iterable[str]) -> None:
        """Take note that *names* are on although the server, as some do, said no ENABLED."""
        self._enabled |= {name.upper() for name in names}
        self._follow_utf8()

    # Receiving

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next octets of the stream; what they mean is told by `next_event`."""
        if self._error is not None or not data:
            return
        self._framer.feed(data)
        if self._handshake_due:
            self._fail(RemoteProtocolError("plaintext was injected before the TLS handshake"))

    def receive_eof(self) -> None:
        """Take note that the peer closed the stream."""
        self._eof = True

    def next_event(self) -> Event | NeedData:
        """The next fact, or `NEED_DATA` where only more data can tell.

        The end of the stream is told once, as `ConnectionEnded`. Raises `RemoteProtocolError`
        where the stream cannot be followed any further, and `LimitExceeded` where a bound is
        passed; the state is CLOSED then.
        """
        events = self._events
        if not events and self._error is None:
            self._advance()
        if events:
            return events.popleft()
        if self._error is not None:
            raise self._error.with_traceback(None)
        return NEED_DATA

    def _advance(self) -> None:
        """Decode until there is an event, an error or nothing more to decode."""
        while not self._events and self._error is None:
            try:
                frame = self._framer.next_frame()
            except RemoteProtocolError as error:
                self._fail(error)
                return
            if frame is None:
                self._end_if_closed()
                return
            self._decode(frame)

    def _decode(self, frame: Frame) -> None:
        events = decode(frame, self._context)
        if len(events) == 1 and type(events[0]) is FetchReceived and not self._context.greeting:
            self._events.append(events[0])  # nearly all that a busy connection decodes
            self._decode_ahead()
            return
        if self._state is ConnectionState.GREETING:
            self._context.greeting = False
            first = events[0] if events else None
            if not isinstance(first, GreetingReceived) or first.status not in _STATE_AFTER_GREETING:
                self._fail(RemoteProtocolError("what answers there is no IMAP server"))
                return
        if not events and frame.data[:1] not in (b"*", b"+"):
            self.unknown_tags += 1
        for event in events:
            if type(event) in _CONSEQUENTIAL:
                self._react(event)
        if self._error is None:
            self._events += events

    def _decode_ahead(self) -> None:
        """Decode the usual rows that are ready: they change nothing and come by the thousand."""
        ready = self._framer.ready
        rows = decode_rows(ready, self._context)
        self._events += rows
        for _ in rows:
            ready.popleft()

    def _end_if_closed(self) -> None:
        if not self._eof or self._state is ConnectionState.CLOSED:
            return
        said_goodbye = self._state is ConnectionState.LOGOUT and all(
            handle.name == "LOGOUT" for handle in self._open.values()
        )
        clean = not self._framer.buffered and (not self._open or said_goodbye)
        self._state = ConnectionState.CLOSED
        self._outbox.clear()
        self._events.append(ConnectionEnded(clean))

    def _fail(self, error: RemoteProtocolError) -> None:
        self._error = error
        self._state = ConnectionState.CLOSED
        self._outbox.clear()

    # What facts do to the connection

    def _react(self, event: Event) -> None:
        match event:
            case CommandCompleted():
                self._on_completion(event)
            case ContinuationRequested():
                self._on_continuation()
            case CapabilitiesReceived():
                self._on_capabilities(event.names)
            case ExtensionsEnabled():
                self._enabled |= {name.upper() for name in event.names}
                self._follow_utf8()
            case UntaggedStatus():
                self._on_status(event)
            case GreetingReceived():
                self._state = _STATE_AFTER_GREETING[event.status]
            case ByeReceived():
                self._state = ConnectionState.LOGOUT

    def _on_completion(self, event: CommandCompleted) -> None:
        tag = event.handle.tag.encode()
        self._open.pop(tag, None)
        self._outbox.drop(tag)
        if self._conversation == event.handle:
            self._conversation = None
            self._asked = False
        name, ok = event.handle.name, event.status is Status.OK
        if self._state not in _OVER:
            self._state = state_after(name, self._state, ok=ok)
        if ok and name in _SIGN_IN and not self._capabilities_renewed:
            self._forget_capabilities()
        if ok and name == "STARTTLS":
            self._handshake_due = True
            # RFC 9051 section 6.2.1: nothing may follow the CRLF of the OK.
            if self._framer.buffered:
                self._fail(RemoteProtocolError("plaintext was injected before the TLS handshake"))

    def _on_continuation(self) -> None:
        if self._outbox.go_on():
            return
        if self._conversation is not None:
            self._asked = True
        elif not self.quirks.tolerate("quirk_unexpected_continuation"):
            self._fail(RemoteProtocolError("a continuation came that nothing waits for"))

    def _on_capabilities(self, names: Iterable[str]) -> None:
        self._capabilities = frozenset(name.upper() for name in names)
        self._capabilities_known = True
        # What answers a CAPABILITY that was sent before LOGIN says nothing of the time after it.
        asked = any(handle.name == "CAPABILITY" for handle in self._open.values())
        self._capabilities_renewed = not asked
        self._follow_utf8()

    def _on_status(self, event: UntaggedStatus) -> None:
        # RFC 9051 section 7.1, CLOSED: what follows is about the mailbox selected next, if any.
        closed = event.code is not None and event.code.name == "CLOSED"
        if closed and self._state is ConnectionState.SELECTED:
            self._state = ConnectionState.AUTHENTICATED

    def _forget_capabilities(self) -> None:
        self._capabilities = frozenset()
        self._capabilities_known = False
        self._follow_utf8()

    def _follow_utf8(self) -> None:
        self._context.utf8 = capability_rules.speaks_utf8(self._capabilities, self._enabled)

    # Sending

    def send(self, command: Command) -> Handle:
        """Queue *command*; `data_to_send` gives its octets, and events name the handle.

        Raises `LocalProtocolError` where it cannot be sent in this state or at all, and
        `CapabilityMissing` where the server is known not to offer what it needs.
        """
        self._check_ready(command)
        tag = f"{self._tag_prefix}{self._tag_number + 1}"
        pieces = [tag.encode() + b" ", *self._render(command), b"\r\n"]
        parts = segments(pieces, unasked=largest_unasked(self._capabilities))
        self._tag_number += 1
        handle = Handle(tag, command.name)
        self._open[tag.encode()] = handle
        self._outbox.put(tag.encode(), parts)
        if command.name in _CONVERSATIONS:
            self._conversation = handle
            self._asked = False
        if command.name in _SIGN_IN:
            self._capabilities_renewed = False
        return handle

    def send_line(self, data: bytes) -> None:
        """Queue a line of the AUTHENTICATE or IDLE in flight: *data*, without its line end.

        In AUTHENTICATE it answers a continuation; in IDLE it is ``DONE``, which may be sent
        before the continuation came, since some servers leave that out. Raises
        `LocalProtocolError` where no line is due.
        """
        conversation = self._conversation
        if conversation is None:
            raise LocalProtocolError("no AUTHENTICATE and no IDLE is in flight")
        if b"\r" in data or b"\n" in data or b"\0" in data:
            raise LocalProtocolError("a line holds NUL, CR or LF; nothing was sent")
        if conversation.name == "IDLE":
            if data != b"DONE":
                raise LocalProtocolError("nothing but DONE may be sent in IDLE")
            self._conversation = None
        elif not self._asked:
            raise LocalProtocolError("the server has not asked for a line")
        self._asked = False
        self._outbox.put(conversation.tag.encode(), [data + b"\r\n"])

    def data_to_send(self) -> bytes:
        """The octets to send now, once; empty where there are none, or a continuation is due."""
        return self._outbox.take()

    def start_tls_done(self) -> None:
        """Take note that the TLS handshake that STARTTLS announced is complete.

        What the server said in plaintext is forgotten. Raises `RemoteProtocolError` where octets
        came between the OK and the handshake, and `LocalProtocolError` where none was due.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        if not self._handshake_due:
            raise LocalProtocolError("no STARTTLS was accepted")
        self._handshake_due = False
        self._forget_capabilities()

    def _check_ready(self, command: Command) -> None:
        if self._handshake_due:
            raise LocalProtocolError(f"{command.name} cannot be sent before the TLS handshake")
        busy = self._conversation
        if busy is not None:
            raise LocalProtocolError(f"{command.name} cannot be sent while {busy.name} is held")
        names = [handle.name for handle in self._open.values()]
        if "STARTTLS" in names or (names and command.name in ("STARTTLS", "AUTHENTICATE")):
            raise LocalProtocolError(f"{command.name} cannot be sent: other commands are open")
        expected = self._state
        for name in names:
            if expected not in _OVER:  # which no success ends
                expected = state_after(name, expected, ok=True)
        check_allowed(command.name, expected)
        if self._capabilities_known:
            self._check_offered(command)

    def _check_offered(self, command: Command) -> None:
        for capability in command.needs:
            if not self.offers(capability):
                raise CapabilityMissing(capability, command.name)
        # RFC 9051 section 6.2.3: a client must not send LOGIN where this is said.
        if command.name == "LOGIN" and self.offers("LOGINDISABLED"):
            raise CapabilityMissing("LOGIN", "signing in with a password")

    def _render(self, command: Command) -> list[bytes | Literal]:
        pieces = command.render(utf8=self.utf8)
        for piece in pieces:
            if isinstance(piece, Literal):
                if piece.binary and self._capabilities_known and not self.offers("BINARY"):
                    raise CapabilityMissing("BINARY", "a message that holds NUL")
            elif b"\r" in piece or b"\n" in piece or b"\0" in piece:
                raise LocalProtocolError("a command holds NUL, CR or LF; nothing was sent")
        last = pieces[-1]
        if isinstance(last, bytes) and _MARKER.search(last):
            raise LocalProtocolError("a command ends as if a literal followed; nothing was sent")
        return pieces
