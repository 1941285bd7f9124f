"""What a look at a mailbox means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.operations.session import MOST_NEWS
from sage_imap.protocol.events import (
    Event,
    ExistsReceived,
    ExpungeReceived,
    FetchReceived,
    ParseFailure,
    VanishedReceived,
)
from sage_imap.protocol.sets import UIDSet
from sage_mail.ingest.planning import (
    Doubt,
    Sized,
    batches,
    changed_flags,
    compare_locations,
    new_uids,
    nothing_vanished,
    told,
    unlisted,
)


def test_last_message_below_the_cursor_is_not_new() -> None:
    """The server's answer to n:* is compared with the cursor."""
    assert new_uids([7], cursor=7, known=()) == []
    assert new_uids([9, 8, 7], cursor=7, known={8}) == [9]


@given(
    st.lists(st.integers(0, 50), max_size=60),
    st.integers(1, 10),
    st.integers(1, 100),
)
def test_batches_keep_order_and_bounds(sizes: list[int], most: int, octets: int) -> None:
    """Batches lose nothing, keep the order, and exceed the octets only with a single message."""
    messages = [Sized(uid, size) for uid, size in enumerate(sizes, 1)]
    portions = list(batches(messages, most=most, octets=octets))
    assert [message for portion in portions for message in portion] == messages
    for portion in portions:
        assert 1 <= len(portion) <= most
        assert len(portion) == 1 or sum(message.size for message in portion) <= octets


@pytest.mark.parametrize(
    ("news", "doubt"),
    [
        ([], Doubt.of_nothing()),
        ([ExistsReceived(3)], Doubt.ARRIVALS),
        ([ExistsReceived(2)], Doubt.ARRIVALS | Doubt.DEPARTURES),
        ([FetchReceived(3, {"FLAGS": ()})], Doubt.FLAGS),
        ([ExpungeReceived(3), ExistsReceived(3)], Doubt.ARRIVALS | Doubt.DEPARTURES),
        ([VanishedReceived(UIDSet.of([3]), earlier=False)], Doubt.DEPARTURES),
        ([ExistsReceived(3), ParseFailure("no EXPUNGE", b"")], Doubt.of_all()),
        ([ExistsReceived(3)] * MOST_NEWS, Doubt.of_all()),
    ],
)
def test_what_is_told_leaves_in_doubt(news: list[Event], doubt: Doubt) -> None:
    """Each response casts doubt on what it is about, and on all where that is not certain."""
    assert told(news, 3).doubt == doubt


@pytest.mark.parametrize(
    ("news", "exists", "more"),
    [
        ([], 3, False),
        ([ExistsReceived(3)], 3, False),
        ([ExistsReceived(4)], 4, True),
        ([ExpungeReceived(1), ExistsReceived(3)], 3, True),
        ([ExistsReceived(4), ExpungeReceived(1)], 3, True),
        ([VanishedReceived(UIDSet.of([3, 4]), earlier=False), ExistsReceived(1)], 1, False),
        ([VanishedReceived(UIDSet.of([3, 4]), earlier=True)], 3, False),
    ],
)
def test_what_is_told_is_counted(news: list[Event], exists: int, more: bool) -> None:
    """The number of messages is followed, so that an arrival beside a departure shows."""
    found = told(news, 3)
    assert (found.exists, found.more) == (exists, more)


def test_equal_counts_prove_that_nothing_vanished() -> None:
    """Counts decide, dead letters included."""
    assert nothing_vanished(exists=5, present=4, unstored=1)
    assert not nothing_vanished(exists=4, present=4, unstored=1)


def test_what_is_above_the_cursor_needs_no_listing() -> None:
    """Only what has been passed over counts as unlisted."""
    assert unlisted([1, 2, 3], {1, 3}, cursor=2)
    assert not unlisted([1, 2, 3], {1, 2}, cursor=2)


def test_vanished_and_returned() -> None:
    """Known UIDs that are not listed have vanished; missing ones that are listed are back."""
    gone = compare_locations({1, 2, 3}, {8, 9}, {2, 9, 11})
    assert gone.vanished == (1, 3)
    assert gone.returned == (9,)


def test_flag_changes_are_told_apart_by_what_we_did_ourselves() -> None:
    """A flag that we set is taken over and not announced; what others did is."""
    changes = changed_flags(
        {1: ["\\Seen"], 2: [], 3: ["\\Flagged"], 4: ["$label"]},
        {1: ["\\seen", "\\Recent"], 2: ["\\Seen", "\\Answered"], 3: [], 4: ["$label"], 9: ["x"]},
        {2: ["\\Seen"]},
    )
    assert [(change.uid, change.added, change.removed) for change in changes] == [
        (2, ("\\Answered",), ()),
        (3, (), ("\\Flagged",)),
    ]
    assert changes[0].flags == ("\\Answered", "\\Seen")
