from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.protocol.events import (
    CommandCompleted,
    ContinuationRequested,
    Event,
    ExistsReceived,
    ExpungeReceived,
    Handle,
    ParseFailure,
    RecentReceived,
    Status,
)
from sage_imap.protocol.framing import Frame
from sage_imap.protocol.grammar import DecodeContext, decode
from sage_imap.protocol.limits import Limits
from sage_imap.protocol.quirks import Quirks
from tests.sage_imap.protocol.grammar.reading import read, read_one

HANDLE = Handle("A1", "NOOP")


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (b"* 4 EXISTS", ExistsReceived(4)),
        (b"* 0 exists", ExistsReceived(0)),
        (b"* 0 RECENT", RecentReceived(0)),
        (b"* 3 Expunge", ExpungeReceived(3)),
        (b"+ go on", ContinuationRequested("go on")),
        (b"+ ", ContinuationRequested("")),
    ],
)
def test_short_responses(data: bytes, event: Event) -> None:
    """Counts and continuations are what they say, in any case."""
    assert read_one(data) == event


@pytest.mark.parametrize(
    ("data", "response"),
    [
        (b"* -1 EXISTS", None),
        (b"* 0 EXPUNGE", "EXPUNGE"),
        (b"* 0 FETCH (UID 1)", "FETCH"),
        (b"* 5 XWAVES", "XWAVES"),
        (b'* XTIDE high (12 "40")', "XTIDE"),
        (b"* ", None),
        (b"*", None),
        (b"*LIST", None),
        (b"* 4 EXISTS now", None),
        (b"* SEARCH x", "SEARCH"),
        (b"* VANISHED 0", "VANISHED"),
        (b"+OK POP3", None),
        (b"HTTP/1.1 400 Bad Request", None),
        (b"A1 WHAT", None),
        (b"A1", None),
    ],
)
def test_what_is_not_understood(data: bytes, response: str | None) -> None:
    """Anything else is one failure, with the name of the response where it has one."""
    (failure,) = read(data, handles={b"A1": HANDLE})
    if data != b"*LIST":
        assert isinstance(failure, ParseFailure)
        assert failure.response == response
        assert failure.raw == data
        assert failure.raw.decode() not in repr(failure) or len(data) < 3


def test_completions() -> None:
    """A tagged response completes its command, and one of no open command is nothing."""
    (event,) = read(b"A1 ok done", handles={b"A1": HANDLE})
    assert event == CommandCompleted(HANDLE, Status.OK, None, "done")
    assert read(b"A2 OK done", handles={b"A1": HANDLE}) == []


def test_raw_octets() -> None:
    """Octets beyond ASCII are counted where UTF-8 was not enabled, but not those of literals."""
    data = '* LIST () "/" "Blåbær"'.encode()
    quirks = Quirks()
    read(data, quirks=quirks)
    assert dict(quirks.seen) == {"quirk_raw_8bit": 1}
    assert isinstance(read_one(data, off=["quirk_raw_8bit"]), ParseFailure)
    quirks = Quirks()
    read(data, quirks=quirks, utf8=True)
    read(b"* 1 FETCH (BODY[] {1}\r\n\xe9 UID 1)", quirks=quirks)
    assert not quirks.seen
    read(b'* 1 FETCH (BODY[] {1}\r\n\xe9 PREVIEW "\xe9")', quirks=quirks)
    read(b'* 1 FETCH (PREVIEW "\xe9" BODY[] {1}\r\n\xe9)', quirks=quirks)
    assert quirks.seen["quirk_raw_8bit"] == 2


def test_a_bare_plus() -> None:
    """A plus sign alone is a continuation, and may be refused."""
    assert read_one(b"+") == ContinuationRequested("")
    assert isinstance(read_one(b"+", off=["quirk_bare_plus"]), ParseFailure)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                b'* |A1 |+ |OK|NO|BYE|[|]|(|)|"|\\|NIL|{3}|1|0|,|:| |LIST|STATUS|FETCH|SEARCH|'
                b"ESEARCH|THREAD|NAMESPACE|ID|ACL|QUOTA|METADATA|FLAGS|VANISHED|CAPABILITY|UID|EXISTS|TAG|"
                b"COPYUID|APPENDUID|ENVELOPE|BODYSTRUCTURE|MODSEQ|LISTRIGHTS|MYRIGHTS|\r|\0|\xe9".split(
                    b"|"
                )
            ),
            st.binary(max_size=3),
        ),
        max_size=20,
    ),
    st.booleans(),
)
def test_nothing_raises(pieces: list[bytes], greeting: bool) -> None:
    """Whatever a response holds, decoding it gives events."""
    frame = Frame(b"".join(pieces))
    context = DecodeContext(Limits(), Quirks(), handles={b"A1": HANDLE}, greeting=greeting)
    for event in decode(frame, context):
        repr(event)
