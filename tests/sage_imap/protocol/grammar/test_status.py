from __future__ import annotations

import pytest

from sage_imap.protocol.events import (
    AlertReceived,
    ByeReceived,
    CapabilitiesReceived,
    CommandCompleted,
    GreetingReceived,
    Handle,
    ResponseCode,
    Status,
    UntaggedStatus,
)
from sage_imap.protocol.quirks import Quirks
from tests.sage_imap.protocol.grammar.reading import read, read_one

HANDLE = Handle("A1", "LOGIN")


@pytest.mark.parametrize(
    ("rest", "code", "text"),
    [
        (b" done", None, "done"),
        (b" [READ-ONLY] done", ResponseCode("READ-ONLY"), "done"),
        (b" [read-only]", ResponseCode("READ-ONLY"), ""),
        (b" ready. [UQBV]", None, "ready. [UQBV]"),
        (b" [ALONE", None, "[ALONE"),
        (b" []", None, "[]"),
        (b'  [X "a]" (b "]") (c)] d ', ResponseCode("X", ("a]", ("b", "]"), ("c",))), "d"),
        (b" [X (] y", ResponseCode("X", ("(",)), "y"),
        (b" [X a b", None, "[X a b"),
        (b" B\xc3\xa5ter", None, "Båter"),
        (b"", None, ""),
    ],
)
def test_code_and_text(rest: bytes, code: ResponseCode | None, text: str) -> None:
    """The code ends at its own bracket and the text is what is behind it."""
    assert read_one(b"* NO" + rest) == UntaggedStatus(Status.NO, code, text)


def test_missing_text_is_counted() -> None:
    """A status without text, or a code without one, is a quirk."""
    quirks = Quirks()
    read(b"* OK", quirks=quirks)
    read(b"* OK [UIDNEXT 7]", quirks=quirks)
    read(b"* OK [UIDNEXT 7] next", quirks=quirks)
    assert dict(quirks.seen) == {"quirk_missing_text": 2}


def test_greetings() -> None:
    """The first response is a greeting, with what its code tells behind it."""
    assert read(b"* PREAUTH [CAPABILITY IMAP4rev1 sort] hi", greeting=True) == [
        GreetingReceived(Status.PREAUTH, ResponseCode("CAPABILITY", ("IMAP4REV1", "SORT")), "hi"),
        CapabilitiesReceived(("IMAP4REV1", "SORT")),
    ]
    assert read(b"* BYE full", greeting=True) == [GreetingReceived(Status.BYE, None, "full")]
    assert read(b"* NO what", greeting=True) == [UntaggedStatus(Status.NO, None, "what")]


def test_farewell() -> None:
    """BYE is a farewell after the greeting."""
    assert read(b"* BYE [ALERT] x") == [
        ByeReceived(ResponseCode("ALERT"), "x"),
        AlertReceived("x"),
    ]


def test_a_completion_comes_last() -> None:
    """Alerts and capabilities of a tagged response come before its completion."""
    assert read(b"A1 OK [CAPABILITY IDLE] in", handles={b"A1": HANDLE}) == [
        CapabilitiesReceived(("IDLE",)),
        CommandCompleted(HANDLE, Status.OK, ResponseCode("CAPABILITY", ("IDLE",)), "in"),
    ]
    assert read(b"A1 NO [ALERT] look", handles={b"A1": HANDLE}) == [
        AlertReceived("look"),
        CommandCompleted(HANDLE, Status.NO, ResponseCode("ALERT"), "look"),
    ]
