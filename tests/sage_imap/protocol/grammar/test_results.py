from __future__ import annotations

import pytest

from sage_imap.protocol.events import (
    ESearchReceived,
    Event,
    ParseFailure,
    SearchReceived,
    SortReceived,
    ThreadReceived,
)
from sage_imap.protocol.quirks import Quirks
from sage_imap.protocol.sets import UIDSet
from tests.sage_imap.protocol.grammar.reading import read, read_one


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (b"* SEARCH 3 1 2", SearchReceived((3, 1, 2))),
        (b"* SEARCH", SearchReceived(())),
        (b"* SEARCH 21 (modseq 2305843009213693952)", SearchReceived((21,), 2305843009213693952)),
        (b"* SORT 71 9", SortReceived((71, 9))),
        (
            b'* ESEARCH (TAG "A1") UID COUNT 4 MIN 3 MAX 19 ALL 3:5,19 MODSEQ 8 RELEVANCY (4 9)',
            ESearchReceived("A1", True, UIDSet([(3, 5), (19, 19)]), 3, 19, 4, 8),
        ),
        (b"* ESEARCH", ESearchReceived()),
        (b'* ESEARCH (TAG "A1") COUNT 0 ALL NIL', ESearchReceived("A1", count=0)),
        (b"* ESEARCH UID PARTIAL (1:8 NIL)", ESearchReceived(uid=True, partial=("1:8", None))),
        (
            b"* ESEARCH UID PARTIAL (-1:-8 200:205,210)",
            ESearchReceived(uid=True, partial=("-1:-8", UIDSet([(200, 205), (210, 210)]))),
        ),
        (
            b'* ESEARCH (TAG "A1" MAILBOX inbox UIDVALIDITY 7) ALL 1',
            ESearchReceived("A1", all=UIDSet.of([1]), mailbox="INBOX", uidvalidity=7),
        ),
        (
            b"* THREAD (31 (40)(35 (36)(38 39)))(50)",
            ThreadReceived([[31, [40], [35, [36], [38, 39]]], [50]]),
        ),
        (b"* THREAD", ThreadReceived([])),
    ],
)
def test_results(data: bytes, event: Event) -> None:
    """Results come in the server's order, and sets are not expanded."""
    assert read_one(data) == event


@pytest.mark.parametrize(
    "data",
    [
        b"* SEARCH 1 x",
        b"* SEARCH 1 (MODSEQ x)",
        b"* SEARCH -1",
        b"* ESEARCH COUNT",
        b"* ESEARCH ALL *",
        b"* ESEARCH ALL 0",
        b"* ESEARCH PARTIAL 1:8",
        b"* ESEARCH COUNT (1)",
        b"* THREAD (x)",
        b"* THREAD " + b"(" * 20_000 + b"1" + b")" * 20_000,
    ],
)
def test_what_is_no_result(data: bytes) -> None:
    """A result that cannot be read whole is none."""
    assert isinstance(read_one(data), ParseFailure)


def test_a_space_at_the_end() -> None:
    """A space behind the last number is counted and may be refused."""
    quirks = Quirks()
    assert read(b"* SEARCH 1 2 ", quirks=quirks) == [SearchReceived((1, 2))]
    assert dict(quirks.seen) == {"quirk_extra_space": 1}
    assert isinstance(read_one(b"* SEARCH 1 ", off=["quirk_extra_space"]), ParseFailure)
