"""Number sets behave as sets of integers and are written as ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.protocol.sets import SequenceSet, UIDSet

NUMBERS = st.sets(st.integers(1, 60))


@given(NUMBERS)
def test_round_trip(numbers: set[int]) -> None:
    """A set is the same after being written and parsed."""
    uids = UIDSet.of(numbers)
    assert list(uids) == sorted(numbers)
    assert len(uids) == len(numbers)
    assert bool(uids) == bool(numbers)
    assert UIDSet.parse(str(uids)) == uids
    assert UIDSet.parse(str(uids).encode()) == uids
    assert hash(UIDSet.parse(str(uids))) == hash(uids)


@given(NUMBERS, NUMBERS)
def test_algebra(left: set[int], right: set[int]) -> None:
    """Union, intersection and difference are those of sets."""
    a, b = UIDSet.of(left), UIDSet.of(right)
    assert set(a | b) == left | right
    assert set(a & b) == left & right
    assert set(a - b) == left - right
    assert (a == b) == (left == right)


@given(NUMBERS, st.integers(-5, 70))
def test_membership(numbers: set[int], number: int) -> None:
    """A number is in the set or it is not."""
    assert (number in UIDSet.of(numbers)) == (number in numbers)


@given(NUMBERS, st.integers(1, 9), st.integers(5, 40))
def test_split(numbers: set[int], most_ids: int, most_bytes: int) -> None:
    """Parts make the whole, in order, each within its bounds."""
    uids = UIDSet.of(numbers)
    parts = list(uids.split(most_ids=most_ids, most_bytes=most_bytes))
    assert [uid for part in parts for uid in part] == sorted(numbers)
    for part in parts:
        assert 1 <= len(part) <= most_ids
        assert len(str(part)) <= most_bytes or len(part.ranges) == 1


def test_ranges_are_normalised() -> None:
    """Ranges are sorted, joined where they touch, and may be written backwards."""
    assert str(UIDSet.parse("7,1:3,4,9:8")) == "1:4,7:9"
    assert UIDSet.parse("7,1:3").max == 7


def test_large_sets_cost_nothing() -> None:
    """Four thousand million UIDs are one range."""
    uids = UIDSet.parse("1:4294967295")
    assert len(uids) == 4294967295
    assert 4294967295 in uids
    assert next(iter(uids.split(most_ids=500))).max == 500


@pytest.mark.parametrize("text", ["*", "1:*", "a", "1:2:3", "0", "-1", "1:", ":1", " 1", "²", "١"])
def test_what_is_no_set(text: str) -> None:
    """Anything but numbers and ranges is an error."""
    with pytest.raises(ValueError):
        UIDSet.parse(text)


def test_kinds_are_never_mixed() -> None:
    """UIDs and sequence numbers are different things, and so are their sets."""
    assert UIDSet.of([1]) != SequenceSet.of([1])
    assert "x" not in UIDSet.of([1])
    assert repr(SequenceSet.of([2, 1])) == "SequenceSet('1:2')"


def test_the_empty_set() -> None:
    """The empty set is empty in every way, and has no largest member."""
    assert not UIDSet.parse("")
    assert str(UIDSet()) == ""
    assert 1 not in UIDSet()
    assert list(UIDSet().split(most_ids=5)) == []
    with pytest.raises(ValueError):
        _ = UIDSet().max
