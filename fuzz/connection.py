"""One connection.

Invariant: whatever the server sends, in whatever state and however it is cut into reads,
`Connection.next_event` tells the same facts and raises nothing but `RemoteProtocolError` and its
kind, which it then raises for ever; `Connection.send` raises nothing but `LocalProtocolError`. And
where no error was raised the connection is in step: once the response that was left open is over
and the commands in flight are completed, a NOOP is completed by its own completion and by nothing
before it, and the end of the stream is told once.

One exception: what stands behind the OK of STARTTLS was injected, and where it came with the OK,
this is not told, so that nobody begins a handshake.
"""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.framing import cut
from fuzz.seeds import transcripts
from fuzz.shapes import cuts, mutated, responses
from sage_imap.errors import LocalProtocolError, RemoteProtocolError
from sage_imap.protocol import commands, extensions
from sage_imap.protocol.command import Command
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import (
    NEED_DATA,
    CommandCompleted,
    ConnectionEnded,
    ContinuationRequested,
    Event,
)
from sage_imap.protocol.limits import DEFAULT_LIMITS, Limits
from sage_imap.protocol.quirks import CORE_QUIRKS, GRAMMAR_QUIRKS, Quirks
from sage_imap.protocol.state import ConnectionState as State

__all__ = ["EXAMPLES", "SEEDS", "check", "from_octets"]

_SMALL = Limits(line=300, literal=200, body_literal=400, response=900, literals=5, nesting=6)
_STARTTLS = commands.starttls()
_SCENES: list[tuple[State, list[Command]]] = [
    (State.GREETING, []),
    (State.NOT_AUTHENTICATED, [commands.login("ü", "p\\")]),
    (State.NOT_AUTHENTICATED, [commands.authenticate("PLAIN")]),
    (State.NOT_AUTHENTICATED, [_STARTTLS]),
    (State.AUTHENTICATED, [commands.select("INBOX"), commands.noop()]),
    (State.AUTHENTICATED, [extensions.enable("UTF8=ACCEPT"), commands.capability()]),
    (State.SELECTED, [commands.fetch("1:*", ["UID", "ENVELOPE"]), commands.search()]),
    (State.SELECTED, [commands.append("INBOX", b"text"), commands.fetch("1", ["BODY.PEEK[]"])]),
    (State.SELECTED, [commands.append("ü" * 600, b"text", flags=["\\Seen"])]),
    (State.SELECTED, [extensions.idle()]),
    (State.SELECTED, [commands.logout()]),
]
_LIMITS = [DEFAULT_LIMITS, _SMALL]
_QUIRKS: list[tuple[str, ...]] = [(), (*CORE_QUIRKS, *GRAMMAR_QUIRKS)]
_OFFERED = ["IMAP4REV1", "IDLE", "STARTTLS", "AUTH=PLAIN", "ENABLE", "UTF8=ACCEPT", "UIDPLUS"]
_OVER = (State.CLOSED, State.LOGOUT)
_BYTE_BY_BYTE = 300

_SETTINGS = st.tuples(
    st.integers(0, len(_SCENES) - 1), st.sampled_from([0, 1, 1]), st.sampled_from([0, 0, 0, 1])
)
# What a conversation turns on: continuations, completions of what is in flight, greetings.
_TURNS = st.lists(
    st.sampled_from(
        [
            b"+ go\r\n",
            b"+\r\n",
            b"A1 OK done\r\n",
            b"A1 NO [TRYCREATE] no\r\n",
            b"A2 OK [CAPABILITY IMAP4rev1 LITERAL+] done\r\n",
            b"A3 OK done\r\n",
            b"* OK [CLOSED] closed\r\n",
            b"* PREAUTH hello\r\n",
            b"* ENABLED UTF8=ACCEPT\r\n",
            b"* BYE\r\n",
            b"* 1 FETCH (UID 7 FLAGS (\\Seen))\r\n",
        ]
    ),
    max_size=5,
).map(b"".join)
_STREAMS = st.one_of(
    mutated(responses), st.builds(lambda a, b, c: a + b + c, _TURNS, mutated(responses), _TURNS)
)
EXAMPLES = st.tuples(_SETTINGS, st.one_of(_STREAMS, mutated(_TURNS)), cuts)
SEEDS = [bytes([6, 0, 0]) + octets for octets in transcripts()]

Example = tuple[tuple[int, int, int], bytes, list[int]]


def from_octets(octets: bytes) -> Example:
    scene, bounds, place = (*octets[:3], 0, 0, 0)[:3]
    return (scene % len(_SCENES), bounds % 2, bounds // 2 % 2), octets[3:], [place]


def check(example: Example) -> None:
    setting, data, places = example
    whole = _played(setting, [data])
    assert whole == _played(setting, cut(data, places)), "the cuts make a difference"
    if len(data) <= _BYTE_BY_BYTE:
        assert whole == _played(setting, [data[n : n + 1] for n in range(len(data))])


class _Played:
    """A connection and what it said."""

    def __init__(self, setting: tuple[int, int, int]) -> None:
        scene, limits, quirks = setting
        state, first = _SCENES[scene]
        self.limits = _LIMITS[limits]
        self.connection = Connection(
            state=state,
            capabilities=None if state is State.GREETING else _OFFERED,
            limits=self.limits,
            quirks=Quirks(off=_QUIRKS[quirks]),
        )
        self.open = [self.connection.send(command) for command in first]
        self.events: list[Event] = []
        self.error = ""
        self.connection.data_to_send()

    def hear(self, data: bytes) -> list[Event]:
        """What *data* makes known; the client sends what it may after each fact."""
        self.connection.receive_data(data)
        return self.drain()

    def drain(self) -> list[Event]:
        found: list[Event] = []
        try:
            while (event := self.connection.next_event()) is not NEED_DATA:
                found.append(event)
                self._answer(event)
        except RemoteProtocolError as error:
            self.error = type(error).__name__
        self.events += found
        return found

    def _answer(self, event: Event) -> None:
        connection = self.connection
        if isinstance(event, CommandCompleted):
            assert event.handle in self.open, "a completion of what is not open"
            self.open.remove(event.handle)
        waits = any(handle.name == "AUTHENTICATE" for handle in self.open)
        if isinstance(event, ContinuationRequested) and waits:
            try:
                connection.send_line(b"")
            except LocalProtocolError:
                assert connection.state in _OVER or connection.has_unread
        connection.data_to_send()


def _played(setting: tuple[int, int, int], reads: list[bytes]) -> tuple[object, ...]:
    played = _Played(setting)
    for read in reads:
        played.hear(read)
    connection = played.connection
    told = list(played.events)
    if played.error and _SCENES[setting[0]][1] == [_STARTTLS]:
        _forget_completion(told)
    facts = (told, played.error, connection.state, connection.enabled)
    if played.error:
        assert connection.has_unread
        assert not played.drain(), "a fact behind the error"
        assert connection.state is State.CLOSED
        _check_refused(connection)
    else:
        _check_in_step(played)
        _check_end(played)
    return (*facts, connection.capabilities, connection.unknown_tags)


def _is_completion(events: list[Event]) -> bool:
    return [type(event) for event in events] == [CommandCompleted]


def _forget_completion(told: list[Event]) -> None:
    """Take away what is told only where the plaintext behind it comes in another read."""
    if told and isinstance(last := told[-1], CommandCompleted):
        told.pop()
        if last.code is not None and last.code.name == "CAPABILITY":
            told.pop()


def _check_in_step(played: _Played) -> None:
    connection = played.connection
    if connection.open_response and not _close(played):
        return
    if connection.state in _OVER or connection.state is State.GREETING:
        _check_refused(connection)
        return
    if connection.idling:
        connection.send_line(b"DONE")
    for handle in list(played.open):
        connection.data_to_send()
        done = played.hear(b"%s OK done\r\n" % handle.tag.encode())
        if played.error:
            assert handle.name == "STARTTLS" or connection.pending == 0
            return
        assert [e.handle for e in done if isinstance(e, CommandCompleted)] == [handle]
    if connection.state in _OVER:
        return
    try:
        handle = connection.send(commands.noop())
    except LocalProtocolError:  # the handshake is due
        connection.start_tls_done()
        handle = connection.send(commands.noop())
    played.open.append(handle)
    assert connection.data_to_send() == b"%s NOOP\r\n" % handle.tag.encode()
    assert not played.drain(), "a fact out of nothing"
    done = played.hear(b"%s OK done\r\n" % handle.tag.encode())
    assert _is_completion(done), "out of step"
    assert not played.open


def _close(played: _Played) -> bool:
    """Bring the response that was left open to its end; whether that is possible."""
    if played.limits is DEFAULT_LIMITS:
        return False  # a literal may be as large as a mail
    played.hear(b"\r\n" * (played.limits.response // 2 + 8))
    assert played.error or not played.connection.open_response, "it does not end"
    return not played.error


def _check_refused(connection: Connection) -> None:
    try:
        connection.send(commands.noop())
    except LocalProtocolError:
        assert not connection.data_to_send()
    else:
        raise AssertionError("a command was taken that cannot be sent")


def _check_end(played: _Played) -> None:
    if played.error:
        return
    played.connection.receive_eof()
    assert [type(event) for event in played.drain()] == [ConnectionEnded]
    assert not played.drain()
    assert played.connection.state is State.CLOSED
