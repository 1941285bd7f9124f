from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import NEED_DATA, Event, FetchReceived
from sage_imap.protocol.framing import Frame
from sage_imap.protocol.grammar.common_row import decode_common_row, decode_short_rows
from sage_imap.protocol.state import ConnectionState

_LINES = st.one_of(
    st.builds(
        b"* %d FETCH (UID %d FLAGS (%s))".__mod__,
        st.tuples(
            st.integers(0, 40), st.integers(0, 40), st.sampled_from([b"", b"\\Seen", b"a b", b" a"])
        ),
    ),
    st.builds(
        b"* %d FETCH (UID %d RFC822.SIZE %d)".__mod__,
        st.tuples(st.integers(0, 40), st.integers(1, 10**20), st.integers(0, 10**21)),
    ),
    st.sampled_from(
        [
            b"* 4 EXISTS",
            b"* 1 FETCH (UID 1 FLAGS (\\Seen\r\n* 2 FETCH (UID 2 FLAGS ()))",
            b"x* 1 FETCH (UID 1 FLAGS ())",
            b"* 01 FETCH (UID 7 FLAGS ())",
            b"* 7 FETCH (UID 7 RFC822.SIZE 00)",
            b"* 1 FLAGS (1 FETCH (UID \\Seen))",
        ]
    ),
)


def in_order(first: int, count: int) -> list[bytes]:
    return [b"* %d FETCH (UID %d FLAGS (\\Seen))" % (n, n + 5) for n in range(first, first + count)]


def events(*reads: bytes) -> list[Event]:
    connection = Connection(state=ConnectionState.SELECTED)
    found = []
    for read in reads:
        connection.receive_data(read)
        while (event := connection.next_event()) is not NEED_DATA:
            found.append(event)
    return found


def lines_of(read: bytes) -> list[bytes]:
    return read.splitlines(keepends=True)


@settings(deadline=None)  # a busy machine is no finding
@given(st.lists(_LINES, max_size=30), st.integers(0, 99))
def test_runs_and_single_lines_agree(lines: list[bytes], usual: int) -> None:
    """Rows in one large read mean what they mean when each comes alone, whatever is among them."""
    octets = b"\r\n".join([*in_order(1, usual), *lines, *in_order(usual + 9, 90), b""])
    assert events(octets) == events(*lines_of(octets))


@pytest.mark.parametrize("count", [1, 2, 5, 6, 340])
def test_a_run(count: int) -> None:
    """As many rows as are waiting are read at once."""
    expected = [FetchReceived(n, {"UID": n + 5, "FLAGS": ("\\Seen",)}) for n in range(1, count + 1)]
    assert decode_short_rows(in_order(1, count)) == expected


def test_numbers_with_gaps() -> None:
    """Numbers need not count up, even if the first and the last look as if they did."""
    lines = [b"* %d FETCH (UID %d RFC822.SIZE %d)" % (n, n, n) for n in (1, 2, 5, 4, 3, 6)]
    assert [row.seq for row in decode_short_rows(lines)] == [1, 2, 5, 4, 3, 6]
    assert [row.items["UID"] for row in decode_short_rows(lines)] == [1, 2, 5, 4, 3, 6]


@pytest.mark.parametrize(
    "odd",
    [
        b"* 2 FETCH (UID 0 FLAGS ())",
        b"* 02 FETCH (UID 2 FLAGS ())",
        b"* +2 FETCH (UID 2 FLAGS ())",
        b"* 2 FETCH (UID 2 FLAGS (a\x01))",
        b"* 2 FETCH (UID 2 FLAGS (  a))",
        b"* 2 FETCH (UID 2 RFC822.SIZE -1)",
        b"* 2 FETCH (UID 2 FLAGS ())  ",
        b"- * 2 FETCH (UID 2 FLAGS ())",
    ],
)
def test_an_odd_row(odd: bytes) -> None:
    """A row that is not as the usual ones is left, and none behind it is read."""
    assert decode_short_rows([odd, *in_order(3, 9)]) == []
    found = decode_short_rows([*in_order(1, 9), odd, *in_order(11, 9)])
    assert [row.seq for row in found] == [1, 2, 3, 4, 5]


def test_a_response_with_literals_ends_a_run() -> None:
    """A response that is no plain line is never taken for one."""
    frame = Frame(b"* 2 FETCH (UID 2 FLAGS ())")
    assert [row.seq for row in decode_short_rows([*in_order(1, 1), frame])] == [1]


_PEOPLE = b'(("A B" NIL "a" "example.org"))'
_ENVELOPE = b'ENVELOPE (NIL "%s" ' + b" ".join([_PEOPLE] * 6) + b' NIL "<1@a>")'


@pytest.mark.parametrize(
    ("row", "names"),
    [
        (b"UID 1 FLAGS (\\Seen) RFC822.SIZE 5 " + _ENVELOPE % b"s" + b")", 4),
        (b"UID 1 FLAGS (\\Seen) RFC822.SIZE 5 BODY[] {3}\r\nabc)", 3),
        (b"UID 1 FLAGS () " + _ENVELOPE % b"s" + b" BODY[HEADER] {3}\r\na\r\n)", 3),
        (b"UID 1 FLAGS (\\Seen) " + _ENVELOPE % b'\\"' + b")", 2),
        (b"UID 1 FLAGS (\\Seen) " + _ENVELOPE % b"\0" + b")", 0),
    ],
)
def test_what_is_read_by_one_expression(row: bytes, names: int) -> None:
    """All that is usual, up to a body, to an envelope with escapes, or not at all."""
    marker, cut, _ = row.partition(b"}\r\n")
    found = decode_common_row(b"* 9 FETCH (" + marker + cut, cut=bool(cut))
    assert (len(found[1]) if found else 0) == names
