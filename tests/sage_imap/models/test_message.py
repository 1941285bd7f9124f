from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.errors import MailboxMismatch
from sage_imap.models.message import MessageSet
from sage_imap.protocol.sets import UIDSet

_UIDS = st.sets(st.integers(1, 300))


def test_a_set_prints_as_it_goes_on_the_wire() -> None:
    """Numbers in any order become ascending ranges."""
    assert str(MessageSet.from_uids([7, 1, 2, 3, 3])) == "1:3,7"


def test_a_set_is_made_of_text_numbers_or_a_uid_set() -> None:
    """The three ways to write a set mean the same."""
    assert MessageSet("1:3,7") == MessageSet([1, 2, 3, 7]) == MessageSet(UIDSet.parse("1:3,7"))


def test_mailbox_and_uidvalidity_travel_with_every_batch() -> None:
    """A batch belongs to the mailbox of the set that it was cut from."""
    batches = list(MessageSet.from_uids(range(1, 8), "INBOX", 9).iter_batches(batch_size=3))
    assert [str(b) for b in batches] == ["1:3", "4:6", "7"]
    assert {(b.mailbox, b.uidvalidity) for b in batches} == {("INBOX", 9)}


def test_batches_of_two_hundred_thousand_scattered_uids() -> None:
    """Scattered UIDs are cut by number, and by length of the command where asked for."""
    scattered = MessageSet.from_uids(range(1, 400_001, 2))
    assert len(scattered) == 200_000
    assert sum(map(len, scattered.iter_batches(1000))) == 200_000
    assert all(len(str(b)) <= 1000 for b in scattered.iter_batches(10**6, most_bytes=1000))


def test_a_million_consecutive_uids_cost_nothing() -> None:
    """A range is kept as a range."""
    large = MessageSet.from_range(1, 1_000_000)
    assert len(large) == 1_000_000
    assert 777_777 in large
    assert len(large.uids.ranges) == 1


@given(_UIDS, _UIDS)
def test_algebra_is_that_of_sets(left: set[int], right: set[int]) -> None:
    """Each operator agrees with the one of Python's own sets."""
    a, b = MessageSet.from_uids(left, "A"), MessageSet.from_uids(right)
    for result, expected in (
        (a | b, left | right),
        (a & b, left & right),
        (a - b, left - right),
        (a ^ b, left ^ right),
    ):
        assert set(result) == expected
        assert len(result) == len(expected)
        assert result.mailbox == "A"
        assert result.is_empty() == (not expected)


@given(_UIDS)
def test_the_wire_form_reads_back(uids: set[int]) -> None:
    """Text and set are inverses."""
    assert MessageSet(str(MessageSet.from_uids(uids))).parsed_ids == sorted(uids)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("1:*", "1:*"),
        ("*:5", "5:*"),
        ("*", "*"),
        ("*:*", "*"),
        ("9:*,1:3,5:*", "1:3,5:*"),
        ("1, 2", "1:2"),
    ],
)
def test_open_sets_keep_their_star(text: str, wire: str) -> None:
    """The star stays an instruction to the server."""
    assert str(MessageSet(text)) == wire


def test_an_open_set_cannot_be_counted_or_listed() -> None:
    """What only the server knows is not guessed."""
    open_set = MessageSet.from_range(7)
    assert open_set.is_open
    assert not open_set.is_empty()
    assert 8 in open_set
    assert 6 not in open_set
    assert str(open_set | MessageSet("3")) == "3,7:*"
    for ask in (
        lambda: len(open_set),
        lambda: list(open_set),
        lambda: open_set.parsed_ids,
        lambda: open_set.first,
        lambda: open_set.last,
        lambda: open_set.iter_batches(10),
        lambda: open_set & MessageSet("3"),
    ):
        with pytest.raises(ValueError, match="search for its UIDs first"):
            ask()


def test_sets_of_different_mailboxes_do_not_mix() -> None:
    """UIDs of two mailboxes, or of two UIDVALIDITY values, are never joined."""
    with pytest.raises(MailboxMismatch):
        MessageSet("1", "A") | MessageSet("2", "B")
    with pytest.raises(MailboxMismatch):
        MessageSet("1", "A", 1) & MessageSet("1", "A", 2)
    with pytest.raises(MailboxMismatch):
        MessageSet("1", None, 1) & MessageSet("1", None, 2)
    assert (MessageSet("1", "inbox") | MessageSet("2", "INBOX", 4)).uidvalidity == 4


def test_matching_knows_only_what_is_known() -> None:
    """An unknown mailbox or UIDVALIDITY is not compared."""
    assert MessageSet("1").matches("A", 3)
    assert MessageSet("1", "A", 3).matches("A")
    assert MessageSet("1", "Inbox").matches("INBOX")
    assert not MessageSet("1", "A").matches("a")
    assert not MessageSet("1", "A", 3).matches("A", 4)


def test_first_and_last_of_a_set() -> None:
    """The ends of a set, None where it is empty."""
    assert (MessageSet("4,9").first, MessageSet("4,9").last) == (4, 9)
    assert (MessageSet().first, MessageSet().last) == (None, None)
    assert not MessageSet()


def test_what_is_no_uid_is_refused() -> None:
    """Zero, text, None and truth values are no UIDs."""
    for wrong in (None, "4", True):
        with pytest.raises(TypeError):
            MessageSet.from_uids([wrong])  # type: ignore[list-item]  # the point of the test
    for text in ("0", "a", "1:b", "1:2:3", "*:*:*", "*:5:6", "0:*"):
        with pytest.raises(ValueError):
            MessageSet(text)
    with pytest.raises(ValueError):
        MessageSet("1").iter_batches(0)


@pytest.mark.parametrize("octets", [b"3 4 15", b"", bytearray(b"1,2"), memoryview(b"1")])
def test_octets_are_not_taken_for_the_numbers_that_they_are(octets: bytes) -> None:
    """Their members are numbers too, but none of them is a UID that anybody meant."""
    for make in (MessageSet, MessageSet.from_uids):
        with pytest.raises(TypeError, match=r"decode what is text, .* with commas"):
            make(octets)
    with pytest.raises(TypeError, match="parse"):
        UIDSet.of(octets)


@pytest.mark.parametrize("text", ["3 4 15", "1 2", "1,2 3", "7 :* 2", "1:3 9"])
def test_numbers_with_blanks_between_them_are_not_joined(text: str) -> None:
    """`3 4` is not 34; the error says how UIDs are written."""
    with pytest.raises(ValueError, match="commas"):
        MessageSet(text)


def test_blanks_beside_commas_and_colons_mean_nothing() -> None:
    """They are left out, as they always were."""
    assert str(MessageSet(" 1 , 3 : 5, 9 : * ")) == "1,3:5,9:*"
    assert MessageSet("  ").is_empty()


def test_what_is_above_the_largest_uid_is_refused() -> None:
    """UIDs have 32 bits; but what a server told as its own is taken as it is."""
    for uids in ("4294967296", "1:4294967296", "4294967296:*", [1, 2**32]):
        with pytest.raises(ValueError, match="4294967295"):
            MessageSet(uids)
    for first, last in ((1, 2**33), (2**32, "*")):
        with pytest.raises(ValueError, match="4294967295"):
            MessageSet.from_range(first, last)  # type: ignore[arg-type]  # a str, says mypy
    assert MessageSet(UIDSet.of([2**32])).last == 2**32
    assert MessageSet("4294967295").last == 2**32 - 1


def test_equal_sets_hash_alike_and_show_their_mailbox() -> None:
    """A set is a value."""
    assert hash(MessageSet("1", "A", 2)) == hash(MessageSet([1], "A", 2))
    assert repr(MessageSet("1", "A", 2)) == "MessageSet('1', mailbox='A', uidvalidity=2)"
    assert MessageSet("1") != MessageSet("1", "A")
    assert MessageSet("1") != "1"
