from __future__ import annotations

import pytest

from sage_imap.protocol.events import (
    CapabilitiesReceived,
    Event,
    ExtensionsEnabled,
    FlagsReceived,
    IDReceived,
    ParseFailure,
    VanishedReceived,
)
from sage_imap.protocol.quirks import Quirks
from sage_imap.protocol.sets import UIDSet
from tests.sage_imap.protocol.grammar.reading import read, read_one


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (b"* capability imap4rev1 AUTH=PLAIN", CapabilitiesReceived(("IMAP4REV1", "AUTH=PLAIN"))),
        (b"* ENABLED CONDSTORE utf8=accept", ExtensionsEnabled(("CONDSTORE", "UTF8=ACCEPT"))),
        (b"* ENABLED", ExtensionsEnabled(())),
        (b"* FLAGS (\\Seen \\*)", FlagsReceived(("\\Seen", "\\*"))),
        (b'* ID ("Name" "Tide" "os" NIL)', IDReceived({"name": "Tide", "os": None})),
        (b"* ID NIL", IDReceived({})),
        (b"* VANISHED 5:7,9", VanishedReceived(UIDSet([(5, 7), (9, 9)]), False)),
        (b"* VANISHED (earlier) 5", VanishedReceived(UIDSet.of([5]), True)),
    ],
)
def test_responses(data: bytes, event: Event) -> None:
    """Each response about the session is one event."""
    assert read_one(data) == event


def test_a_space_at_the_end() -> None:
    """A space behind the last capability makes no empty one and is counted."""
    quirks = Quirks()
    assert read(b"* CAPABILITY A B ", quirks=quirks) == [CapabilitiesReceived(("A", "B"))]
    assert dict(quirks.seen) == {"quirk_extra_space": 1}


@pytest.mark.parametrize(
    "data",
    [
        b"* FLAGS",
        b"* FLAGS () ()",
        b"* FLAGS x",
        b'* ID ("name")',
        b"* ID x",
        b"* VANISHED",
        b"* VANISHED (LATER) 5",
        b"* VANISHED (EARLIER)",
        b"* VANISHED x",
    ],
)
def test_what_is_not_understood(data: bytes) -> None:
    """Anything else is a failure."""
    assert isinstance(read_one(data), ParseFailure)
