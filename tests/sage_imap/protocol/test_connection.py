"""The connection as a whole: greeting to close, hostile servers included."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.errors import (
    CapabilityMissing,
    LimitExceeded,
    LocalProtocolError,
    RemoteProtocolError,
)
from sage_imap.protocol import (
    NEED_DATA,
    Command,
    Connection,
    ConnectionState,
    Limits,
    Literal,
    Quirks,
    commands,
    extensions,
)
from sage_imap.protocol.command import Text
from sage_imap.protocol.events import (
    ByeReceived,
    CapabilitiesReceived,
    CommandCompleted,
    ConnectionEnded,
    ContinuationRequested,
    Event,
    ExistsReceived,
    ExtensionsEnabled,
    FetchReceived,
    GreetingReceived,
    Status,
)

S = ConnectionState


def start(state: ConnectionState = S.SELECTED, *capabilities: str) -> Connection:
    return Connection(state=state, capabilities=capabilities or None)


def hear(connection: Connection, data: bytes) -> list[Event]:
    """All events that *data* makes known."""
    connection.receive_data(data)
    return drain(connection)


def drain(connection: Connection) -> list[Event]:
    events: list[Event] = []
    while True:
        event = connection.next_event()
        if event is NEED_DATA:
            return events
        assert not isinstance(event, type(NEED_DATA))
        events.append(event)


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


@pytest.mark.parametrize(
    ("line", "state"),
    [
        (b"* OK hello\r\n", S.NOT_AUTHENTICATED),
        (b"* ok hello\r\n", S.NOT_AUTHENTICATED),
        (b"* PREAUTH hello\r\n", S.AUTHENTICATED),
        (b"* BYE busy\r\n", S.LOGOUT),
    ],
)
def test_greeting(line: bytes, state: ConnectionState) -> None:
    """The greeting decides where the connection begins."""
    connection = Connection()
    assert connection.state is S.GREETING
    assert kinds(hear(connection, line)) == [GreetingReceived]
    assert connection.state is state
    assert not connection.capabilities_known


def test_greeting_with_capabilities() -> None:
    """Capabilities in the greeting are in force."""
    connection = Connection()
    hear(connection, b"* OK [CAPABILITY imap4rev1 IDLE] hello\r\n")
    assert connection.capabilities == {"IMAP4REV1", "IDLE"}
    assert connection.capabilities_known
    assert connection.offers("idle")


@pytest.mark.parametrize(
    "data", [b"+OK POP3\r\n", b"HTTP/1.1 400 Bad\r\n", b"* 1 EXISTS\r\n", b"A1 OK x\r\n", b"x\r\n"]
)
def test_no_greeting(data: bytes) -> None:
    """What greets otherwise is no IMAP server, now and for ever."""
    connection = Connection()
    connection.receive_data(data + b"* OK hello\r\n")
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            connection.next_event()
    assert connection.state is S.CLOSED
    assert connection.has_unread


def test_sending_and_completing() -> None:
    """A command leaves with its tag and is open until the tag comes back."""
    connection = start()
    handle = connection.send(commands.noop())
    assert (handle.tag, connection.pending) == ("A1", 1)
    assert connection.data_to_send() == b"A1 NOOP\r\n"
    assert connection.data_to_send() == b""
    events = hear(connection, b"* 4 EXISTS\r\nA1 OK done\r\n")
    assert events == [ExistsReceived(4), CommandCompleted(handle, Status.OK, None, "done")]
    assert connection.pending == 0


def test_commands_in_flight() -> None:
    """Several commands may be open, and complete in any order."""
    connection = start()
    first, second = connection.send(commands.noop()), connection.send(commands.capability())
    assert connection.data_to_send() == b"A1 NOOP\r\nA2 CAPABILITY\r\n"
    events = hear(connection, b"A2 OK x\r\nA1 NO y\r\n")
    completions = [event for event in events if isinstance(event, CommandCompleted)]
    assert [event.handle for event in completions] == [second, first]


def test_unknown_tags_are_counted() -> None:
    """A completion of no open command is ignored and counted."""
    connection = start()
    connection.send(commands.noop())
    assert kinds(hear(connection, b"Q7 OK x\r\nA1 OK x\r\nA1 OK again\r\n")) == [CommandCompleted]
    assert connection.unknown_tags == 2


def test_tag_prefix() -> None:
    """Tags begin as told."""
    connection = Connection(state=S.SELECTED, tag_prefix="Z")
    assert connection.send(commands.noop()).tag == "Z1"


def test_literal_waits_for_its_continuation() -> None:
    """A literal is sent when the server asks for it, and what follows only then."""
    connection = start(S.AUTHENTICATED)
    connection.send(commands.append("x", b"hello"))
    connection.send(commands.noop())
    assert connection.data_to_send() == b'A1 APPEND "x" {5}\r\n'
    assert kinds(hear(connection, b"* 1 EXISTS\r\n+ go\r\n"))[-1] is ContinuationRequested
    assert connection.data_to_send() == b"hello\r\nA2 NOOP\r\n"


def test_refused_literal() -> None:
    """NO in place of the continuation ends the command, and the next one goes."""
    connection = start(S.AUTHENTICATED)
    connection.send(commands.append("x", b"hello"))
    connection.send(commands.noop())
    connection.data_to_send()
    hear(connection, b"A1 NO [TRYCREATE] no\r\n")
    assert connection.data_to_send() == b"A2 NOOP\r\n"


def test_literal_plus() -> None:
    """LITERAL+ sends all at once."""
    connection = start(S.AUTHENTICATED, "IMAP4REV1", "LITERAL+")
    connection.send(commands.append("x", b"hello"))
    assert connection.data_to_send() == b'A1 APPEND "x" {5+}\r\nhello\r\n'


def test_unexpected_continuation() -> None:
    """A continuation that nothing waits for is counted, or refused if so wished."""
    connection = start()
    assert kinds(hear(connection, b"+ hm\r\n")) == [ContinuationRequested]
    assert connection.quirks.seen["quirk_unexpected_continuation"] == 1
    strict = Connection(state=S.SELECTED, quirks=Quirks(off=["quirk_unexpected_continuation"]))
    with pytest.raises(RemoteProtocolError):
        hear(strict, b"+ hm\r\n")


def test_login_renews_capabilities() -> None:
    """What was offered before LOGIN is void after it, unless the server says anew."""
    connection = start(S.NOT_AUTHENTICATED, "IMAP4REV1")
    connection.send(commands.login("ann", "pw"))
    hear(connection, b"A1 OK in\r\n")
    assert connection.state is S.AUTHENTICATED
    assert (connection.capabilities_known, connection.capabilities) == (False, frozenset())


@pytest.mark.parametrize(
    "answer", [b"A1 OK [CAPABILITY IDLE] in\r\n", b"* CAPABILITY IDLE\r\nA1 OK in\r\n"]
)
def test_login_tells_capabilities(answer: bytes) -> None:
    """Capabilities that come with the answer to LOGIN hold from then on."""
    connection = start(S.NOT_AUTHENTICATED, "IMAP4REV1")
    connection.send(commands.login("ann", "pw"))
    assert CapabilitiesReceived in kinds(hear(connection, answer))
    assert connection.capabilities == {"IDLE"}


def test_capability_asked_before_login_is_void_after_it() -> None:
    """The answer to an earlier CAPABILITY says nothing of the time after LOGIN."""
    connection = start(S.NOT_AUTHENTICATED)
    connection.send(commands.capability())
    connection.send(commands.login("ann", "pw"))
    hear(connection, b"* CAPABILITY IDLE\r\nA1 OK x\r\nA2 OK in\r\n")
    assert not connection.capabilities_known


def test_refused_login_changes_nothing() -> None:
    """After NO the state and the capabilities are what they were."""
    connection = start(S.NOT_AUTHENTICATED, "IMAP4REV1")
    connection.send(commands.login("ann", "pw"))
    hear(connection, b"A1 NO no\r\n")
    assert connection.state is S.NOT_AUTHENTICATED
    assert connection.capabilities == {"IMAP4REV1"}


def test_authenticate_conversation() -> None:
    """AUTHENTICATE answers challenges line by line, and nothing else may be sent meanwhile."""
    connection = start(S.NOT_AUTHENTICATED)
    connection.send(commands.authenticate("PLAIN"))
    with pytest.raises(LocalProtocolError):
        connection.send_line(b"AGEAYg==")
    with pytest.raises(LocalProtocolError):
        connection.send(commands.noop())
    connection.data_to_send()
    assert hear(connection, b"+\r\n") == [ContinuationRequested("")]
    connection.send_line(b"AGEAYg==")
    assert connection.data_to_send() == b"AGEAYg==\r\n"
    hear(connection, b"A1 OK in\r\n")
    assert connection.state is S.AUTHENTICATED
    with pytest.raises(LocalProtocolError):
        connection.send_line(b"more")


def test_authenticate_goes_alone() -> None:
    """AUTHENTICATE is not sent while another command is open."""
    connection = start(S.NOT_AUTHENTICATED)
    connection.send(commands.capability())
    with pytest.raises(LocalProtocolError):
        connection.send(commands.authenticate("PLAIN"))


def test_login_disabled() -> None:
    """LOGIN is not sent where the server forbids it."""
    connection = start(S.NOT_AUTHENTICATED, "IMAP4REV1", "LOGINDISABLED")
    with pytest.raises(CapabilityMissing):
        connection.send(commands.login("ann", "pw"))
    assert connection.data_to_send() == b""


def test_idle() -> None:
    """IDLE is held from its continuation until DONE; only DONE may be sent in it."""
    connection = start()
    handle = connection.send(extensions.idle())
    assert not connection.idling
    events = hear(connection, b"+ idling\r\n* 8 EXISTS\r\n")
    assert kinds(events) == [ContinuationRequested, ExistsReceived]
    assert connection.idling
    with pytest.raises(LocalProtocolError):
        connection.send(commands.noop())
    with pytest.raises(LocalProtocolError):
        connection.send_line(b"NOOP")
    connection.send_line(b"DONE")
    assert connection.data_to_send() == b"A1 IDLE\r\nDONE\r\n"
    assert not connection.idling
    connection.send(commands.noop())
    events = hear(connection, b"A1 OK IDLE terminated\r\nA2 OK NOOP\r\n")
    assert events[0] == CommandCompleted(handle, Status.OK, None, "IDLE terminated")
    assert connection.pending == 0


def test_idle_ended_by_the_server() -> None:
    """The server may end IDLE; a DONE is not due then, and the connection goes on."""
    connection = start()
    connection.send(extensions.idle())
    hear(connection, b"+ idling\r\n* 5 EXISTS\r\nA1 OK that is it\r\n")
    assert not connection.idling
    with pytest.raises(LocalProtocolError):
        connection.send_line(b"DONE")
    connection.send(commands.noop())


def test_done_without_a_continuation() -> None:
    """DONE may be sent although the continuation of IDLE never came."""
    connection = start()
    connection.send(extensions.idle())
    hear(connection, b"* 5 EXISTS\r\n")
    connection.send_line(b"DONE")
    assert connection.data_to_send() == b"A1 IDLE\r\nDONE\r\n"


def test_lines_cannot_be_broken_out_of() -> None:
    """A line with a line end in it is refused."""
    connection = start()
    connection.send(extensions.idle())
    with pytest.raises(LocalProtocolError):
        connection.send_line(b"DONE\r\nA2 LOGOUT")


@pytest.mark.parametrize("criteria", [b"SUBJECT {5}", b"SUBJECT {12+}", b"(SEEN ~{3}"])
def test_a_command_is_not_mistaken_for_the_beginning_of_a_literal(criteria: bytes) -> None:
    """What ends like a literal's announcement, which would swallow the next command, is refused."""
    connection = start(S.SELECTED, "LITERAL+")
    with pytest.raises(LocalProtocolError):
        connection.send(commands.search([criteria]))
    connection.send(commands.search([b"SUBJECT ", Text("{5}")]))
    assert connection.data_to_send() == b'A1 UID SEARCH SUBJECT "{5}"\r\n'


@pytest.mark.parametrize("last_words", [b"* BYE\r\n", b"* 1 FETCH (BODY[] {9999999999}\r\n"])
def test_what_is_in_flight_does_not_outlive_the_connection(last_words: bytes) -> None:
    """When the connection is over, a LOGIN that waits for its answer allows no other command."""
    connection = start(S.NOT_AUTHENTICATED)
    connection.send(commands.login("ann", "pw"))
    connection.receive_data(last_words)
    with suppress(LimitExceeded):
        drain(connection)
    with pytest.raises(LocalProtocolError):
        connection.send(commands.noop())


def test_starttls() -> None:
    """Between the OK and the handshake nothing is sent, and afterwards nothing is known."""
    connection = start(S.NOT_AUTHENTICATED, "STARTTLS")
    connection.send(commands.starttls())
    with pytest.raises(LocalProtocolError):
        connection.send(commands.noop())
    with pytest.raises(LocalProtocolError):
        connection.start_tls_done()
    assert kinds(hear(connection, b"A1 OK go\r\n")) == [CommandCompleted]
    with pytest.raises(LocalProtocolError):
        connection.send(commands.login("ann", "pw"))
    connection.start_tls_done()
    assert not connection.capabilities_known
    connection.send(commands.capability())


def test_starttls_refused() -> None:
    """After NO the connection goes on in plaintext, if the caller wants it to."""
    connection = start(S.NOT_AUTHENTICATED, "STARTTLS")
    connection.send(commands.starttls())
    hear(connection, b"A1 NO not here\r\n")
    connection.send(commands.noop())


@pytest.mark.parametrize("behind", [b"* CAPABILITY X\r\n", b"A2 OK in\r\n", b"*", b"\r\n"])
@pytest.mark.parametrize("apart", [True, False])
def test_plaintext_before_the_handshake(behind: bytes, apart: bool) -> None:
    """Octets behind the OK of STARTTLS end the connection, and none is believed."""
    connection = start(S.NOT_AUTHENTICATED, "STARTTLS")
    connection.send(commands.starttls())
    if apart:
        hear(connection, b"A1 OK go\r\n")
        connection.receive_data(behind)
    else:
        connection.receive_data(b"A1 OK go\r\n" + behind)
    with pytest.raises(RemoteProtocolError, match="plaintext"):
        drain(connection)
    with pytest.raises(RemoteProtocolError, match="plaintext"):
        connection.start_tls_done()
    assert connection.capabilities == {"STARTTLS"}


@pytest.mark.parametrize(
    ("command", "heard", "after"),
    [
        (commands.select("b"), b"A1 OK x\r\n", S.SELECTED),
        (commands.select("b", readonly=True), b"* OK [CLOSED] x\r\nA1 OK x\r\n", S.SELECTED),
        (commands.select("b"), b"* OK [CLOSED] x\r\n", S.AUTHENTICATED),
        (commands.select("b"), b"A1 NO x\r\n", S.AUTHENTICATED),
        (extensions.unselect(), b"A1 OK x\r\n", S.AUTHENTICATED),
        (extensions.unselect(), b"A1 BAD x\r\n", S.SELECTED),
    ],
)
def test_selecting(command: Command, heard: bytes, after: ConnectionState) -> None:
    """SELECT, its failure, CLOSED and UNSELECT move between two states."""
    connection = start(S.SELECTED)
    connection.send(command)
    hear(connection, heard)
    assert connection.state is after


def test_pipelining_behind_select() -> None:
    """What needs a mailbox may follow a SELECT at once, but not come before one."""
    connection = start(S.AUTHENTICATED)
    with pytest.raises(LocalProtocolError):
        connection.send(commands.fetch("1", ["UID"]))
    connection.send(commands.select("a"))
    connection.send(commands.fetch("1", ["UID"]))
    assert connection.pending == 2


def test_enabled_extensions() -> None:
    """Once UTF8=ACCEPT is enabled, names go out as UTF-8."""
    connection = start(S.AUTHENTICATED)
    connection.send(extensions.enable("UTF8=ACCEPT"))
    assert kinds(hear(connection, b"* ENABLED utf8=accept\r\nA1 OK x\r\n"))[0] is ExtensionsEnabled
    assert connection.enabled == {"UTF8=ACCEPT"}
    assert connection.utf8
    connection.data_to_send()
    connection.send(commands.select("Grüße"))
    assert connection.data_to_send() == 'A2 SELECT "Grüße"\r\n'.encode()


def test_missing_capability() -> None:
    """A command is not sent without its capability, where the capabilities are known."""
    connection = start(S.SELECTED, "IMAP4REV1")
    with pytest.raises(CapabilityMissing, match="MOVE"):
        connection.send(extensions.move("1", "x"))
    with pytest.raises(CapabilityMissing, match="BINARY"):
        connection.send(commands.append("x", b"\0"))
    assert (connection.pending, connection.data_to_send()) == (0, b"")
    start(S.SELECTED).send(extensions.move("1", "x"))


@pytest.mark.parametrize(
    "command", [Command("NOOP\r\nA2 LOGOUT"), Command("NOOP", (b"x\r\n",)), Command("X", (b"\0",))]
)
def test_broken_commands(command: Command) -> None:
    """A line end in a command is never sent, however it got there."""
    connection = start()
    with pytest.raises(LocalProtocolError):
        connection.send(command)
    assert connection.data_to_send() == b""
    assert connection.send(commands.noop()).tag == "A1"


def test_logout() -> None:
    """LOGOUT is answered by BYE; the end of the stream is clean, and nothing can be sent."""
    connection = start()
    connection.send(commands.logout())
    events = hear(connection, b"* BYE so long\r\nA1 OK out\r\n")
    assert kinds(events) == [ByeReceived, CommandCompleted]
    connection.receive_eof()
    assert drain(connection) == [ConnectionEnded(clean=True)]
    assert drain(connection) == []
    assert connection.state is S.CLOSED
    with pytest.raises(LocalProtocolError):
        connection.send(commands.noop())


@pytest.mark.parametrize(
    ("data", "clean"),
    [
        (b"", False),
        (b"* BYE x\r\n", False),
        (b"A1 OK done", False),
        (b"A1 OK done\r\n", True),
        (b"A1 OK done\r\n* 1 EX", False),
        (b"A1 OK done\r\n* 1 FETCH (BODY[] {5}\r\nabc", False),
    ],
)
def test_end_of_stream(data: bytes, clean: bool) -> None:
    """The end is clean only if no command was open and no response cut off."""
    connection = start()
    connection.send(commands.noop())
    connection.receive_data(data)
    connection.receive_eof()
    assert drain(connection)[-1] == ConnectionEnded(clean=clean)


def test_logout_without_its_completion() -> None:
    """A server that closes after its BYE has done what LOGOUT asks for."""
    connection = start()
    connection.send(commands.logout())
    connection.receive_data(b"* BYE x\r\n")
    connection.receive_eof()
    assert drain(connection)[-1] == ConnectionEnded(clean=True)


def test_bye_ends_sending() -> None:
    """After a BYE nothing more is sent."""
    connection = start()
    hear(connection, b"* BYE x\r\n")
    assert connection.state is S.LOGOUT
    with pytest.raises(LocalProtocolError):
        connection.send(commands.noop())


def test_has_unread() -> None:
    """There is something unread exactly if the next event is there already."""
    connection = start()
    assert not connection.has_unread
    connection.receive_data(b"* 1 EXI")
    assert not connection.has_unread
    connection.receive_data(b"STS\r\n* 2 EXISTS\r\n")
    assert connection.has_unread
    assert connection.next_event() == ExistsReceived(1)
    assert connection.has_unread
    drain(connection)
    assert not connection.has_unread
    connection.receive_eof()
    assert connection.has_unread


def test_facts_before_an_error_stand() -> None:
    """What came before a fatal error is reported, then the error."""
    connection = Connection(state=S.SELECTED, limits=Limits(line=20))
    connection.receive_data(
        b"* 1 EXISTS\r\n* 2 EXISTS\r\n* OK " + b"x" * 30 + b"\r\n* 3 EXISTS\r\n"
    )
    assert connection.next_event() == ExistsReceived(1)
    assert connection.next_event() == ExistsReceived(2)
    with pytest.raises(LimitExceeded):
        connection.next_event()
    connection.receive_data(b"* 4 EXISTS\r\n")
    with pytest.raises(LimitExceeded):
        connection.next_event()


SESSION = (
    b"* OK [CAPABILITY IMAP4rev1 IDLE LITERAL+] hello\r\n"
    b"A1 OK [CAPABILITY IMAP4rev1 IDLE ENABLE] in\r\n"
    b"* FLAGS (\\Seen)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nA2 OK [READ-WRITE] x\r\n"
    b"* 1 FETCH (UID 5 BODY[] {14}\r\nA1 NO x\r\n* 0 E)\r\n\r\n* 2 FETCH (UID 6 FLAGS ())\n"
    b"A3 OK done\r\n+ idling\r\n* 4 EXISTS\r\nA4 OK over\r\n* BYE x\r\nA5 OK x\r\n"
)


def play(reads: list[bytes]) -> list[Event]:
    """A whole session; each command is sent when the one before it is over."""
    connection = Connection()
    steps = [
        commands.login("ann", "pw"),
        commands.select("INBOX"),
        commands.fetch("1:2", ["UID"]),
        extensions.idle(),
        commands.logout(),
    ]
    events: list[Event] = []
    for read in reads:
        connection.receive_data(read)
        while (event := connection.next_event()) is not NEED_DATA:
            assert not isinstance(event, type(NEED_DATA))
            events.append(event)
            if isinstance(event, GreetingReceived | CommandCompleted) and steps:
                connection.send(steps.pop(0))
                connection.data_to_send()
    connection.receive_eof()
    return [*events, *drain(connection)]


@pytest.mark.parametrize("size", range(1, 120))
def test_read_sizes_make_no_difference(size: int) -> None:
    """A session gives the same events in reads of every size."""
    whole = play([SESSION])
    assert whole[-1] == ConnectionEnded(clean=True)
    assert sum(isinstance(event, FetchReceived) for event in whole) == 2
    assert play([SESSION[at : at + size] for at in range(0, len(SESSION), size)]) == whole


_SCRAPS = [
    *(line + b"\r\n" for line in SESSION.split(b"\r\n")),
    *(b"A1 OK x\r\n", b"A1 NO [", b"* OK [CLOSED] x\r\n", b"+ \r\n", b"* BYE\r\n", b"{3}\r\n"),
    *(b"* 1 FETCH (", b"BODY[] ", b"* ENABLED UTF8=ACCEPT\r\n", b"\0", b"\n", b")", b"(" * 300),
    *(b"* LIST () NIL {4}\r\n&AG-", b"9" * 40, b'"', b"\\", b"* ", b"\xff\xfe"),
]


@given(
    st.lists(st.sampled_from(_SCRAPS) | st.binary(max_size=6), max_size=25),
    st.sampled_from(list(S)),
    st.lists(
        st.sampled_from(
            [
                commands.noop(),
                commands.login("ann", "pä"),
                commands.authenticate("PLAIN"),
                commands.starttls(),
                commands.append("x", b"hello"),
                commands.select("x"),
                extensions.idle(),
                Command("X", (Literal(b"a"), Literal(b"b"))),
            ]
        ),
        max_size=3,
    ),
)
def test_only_documented_exceptions(
    scraps: list[bytes], state: ConnectionState, sent: list[Command]
) -> None:
    """Whatever a server sends and whatever is sent, only the documented errors are raised."""
    connection = Connection(state=state, limits=Limits(line=2000, literal=100, nesting=50))
    try:
        for number, scrap in enumerate(scraps):
            if number < len(sent):
                with suppress(LocalProtocolError):
                    connection.send(sent[number])
            connection.data_to_send()
            unread = connection.has_unread
            connection.receive_data(b"")
            assert connection.has_unread == unread
            hear(connection, scrap)
        connection.receive_eof()
        drain(connection)
    except RemoteProtocolError:
        assert connection.data_to_send() == b""
    assert connection.state is S.CLOSED
