"""One connection.

Invariant: whatever the server sends, `Connection.next_event` raises nothing but
`RemoteProtocolError` and its kind, and for ever once it did; else, where no response is left open,
the next command is completed by its own completion and by nothing before it.
"""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.shapes import mutated
from sage_imap.errors import LocalProtocolError, RemoteProtocolError
from sage_imap.protocol import commands, extensions
from sage_imap.protocol.command import Command
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import NEED_DATA, CommandCompleted, Event
from sage_imap.protocol.state import ConnectionState

__all__ = ["EXAMPLES", "check"]

_FIRST = st.sampled_from(
    [
        commands.noop(),
        commands.fetch("1:*", ["UID", "FLAGS", "ENVELOPE"]),
        commands.search(),
        extensions.idle(),
        commands.append("INBOX", b"text"),
    ]
)
EXAMPLES = st.tuples(_FIRST, mutated(), st.integers(1, 50))
_OVER = (ConnectionState.CLOSED, ConnectionState.LOGOUT)


def check(example: tuple[Command, bytes, int]) -> None:
    first, data, step = example
    connection = Connection(
        state=ConnectionState.SELECTED, capabilities=["IMAP4REV1", "IDLE", "LITERAL+"]
    )
    connection.send(first)
    for start in range(0, len(data), step):
        connection.receive_data(data[start : start + step])
        if _events(connection) is None:
            assert _events(connection) is None
            assert connection.state is ConnectionState.CLOSED
            return
        connection.data_to_send()
    if connection.state in _OVER or connection.open_response:
        return
    try:
        handle = connection.send(commands.noop())
    except LocalProtocolError:  # it idles, or waits for a continuation
        return
    assert not any(isinstance(event, CommandCompleted) for event in _events(connection) or ())
    connection.receive_data(b"%s OK done\r\n" % handle.tag.encode())
    done = [e for e in _events(connection) or () if isinstance(e, CommandCompleted)]
    assert [event.handle for event in done] == [handle], "out of step"


def _events(connection: Connection) -> list[Event] | None:
    found: list[Event] = []
    try:
        while (event := connection.next_event()) is not NEED_DATA:
            found.append(event)
    except RemoteProtocolError:
        return None
    return found
