"""Moved, copied or new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_mail.ingest.matching import Arrival, Candidate, New, Relocated, classify, doubtful


def _candidate(message_id: int, **changes: Any) -> Candidate:
    values: dict[str, Any] = {
        "fingerprint": "f",
        "mailbox": "INBOX",
        "uidvalidity": 1,
        "uid": message_id,
        "state": "present",
    }
    return Candidate(message_id=message_id, **{**values, **changes})


def _origins(outcomes: list[New | Relocated]) -> list[tuple[int, int | None, str | None]]:
    return [
        (o.uid, o.candidate.message_id, o.by) if isinstance(o, Relocated) else (o.uid, None, None)
        for o in outcomes
    ]


def test_unknown_fingerprint_is_new() -> None:
    """What matches nothing is new."""
    assert classify([Arrival(4, "g")], [_candidate(1)], (), "Archive") == [New(4)]


def test_copy_is_new() -> None:
    """While its source is still there, an arrival is a copy, and a message of its own."""
    assert classify([Arrival(4, "f")], [_candidate(1)], (), "Archive") == [New(4)]


def test_move_by_the_user() -> None:
    """An arrival whose source is missing, or proves to be gone, has been moved by the user."""
    missing = _candidate(1, state="missing")
    assert _origins(classify([Arrival(4, "f")], [missing], (), "Archive")) == [(4, 1, "user")]
    present = _candidate(1)
    assert doubtful([Arrival(4, "f")], [present], "Archive") == [present]
    assert _origins(classify([Arrival(4, "f")], [present], {1}, "Archive")) == [(4, 1, "user")]


def test_move_of_ours() -> None:
    """An arrival whose source is gone and for which a move was planned was moved by us."""
    planned = _candidate(1, planned_here=True)
    assert _origins(classify([Arrival(4, "f")], [planned], {1}, "Archive")) == [(4, 1, "sage")]
    assert classify([Arrival(4, "f")], [planned], (), "Archive") == [New(4)]


def test_move_of_ours_without_a_known_uid() -> None:
    """A message that we moved here without being told its UID is the arrival."""
    flying = _candidate(1, mailbox="Archive", uidvalidity=None, uid=None)
    assert _origins(classify([Arrival(4, "f")], [flying], (), "Archive")) == [(4, 1, "user")]
    assert classify([Arrival(4, "f")], [flying], (), "Other") == [New(4)]


def test_identical_messages_in_one_mailbox_are_two() -> None:
    """A message replaces no other one of its own mailbox, even if that one is missing."""
    twin = _candidate(1, state="missing")
    assert classify([Arrival(4, "f")], [twin], (), "INBOX") == [New(4)]
    assert doubtful([Arrival(4, "f")], [_candidate(1)], "INBOX") == []


def test_equal_fingerprints_of_different_octets_are_two_messages() -> None:
    """A fingerprint that is equal by accident neither moves a message nor has the server asked."""
    arrivals = [Arrival(4, "f", "hash 2"), Arrival(5, "f", "hash 1"), Arrival(6, "f", "hash 1")]
    for state in ("missing", "deleted"):
        known = _candidate(1, state=state, content_hash="hash 1")
        assert _origins(classify(arrivals, [known], (), "B")) == [
            (4, None, None),
            (5, 1, "user"),
            (6, None, None),
        ]
    here = _candidate(1, content_hash="hash 1")
    assert doubtful(arrivals[:1], [here], "B") == []
    assert doubtful(arrivals, [here], "B") == [here]
    listed = _candidate(1, content_hash="")
    assert doubtful(arrivals[:1], [listed], "B") == [listed]


@pytest.mark.parametrize("state", ["missing", "deleted"])
def test_message_that_comes_back_to_its_mailbox(state: str) -> None:
    """What has left the mailbox and is there again, with its INTERNALDATE, is no other message."""
    then = datetime(2026, 1, 5, 10, tzinfo=UTC)
    left = _candidate(1, state=state, internal_date=then)
    back = Arrival(4, "f", "hash", then)
    assert _origins(classify([back], [left], (), "INBOX")) == [(4, 1, "user")]
    later = Arrival(4, "f", "hash", then + timedelta(seconds=1))
    assert classify([later], [left], (), "INBOX") == [New(4)]
    present = _candidate(1, internal_date=then)
    assert classify([back], [present], (), "INBOX") == [New(4)]


def test_each_candidate_once() -> None:
    """Two identical arrivals and one missing message: one has moved, the other is new."""
    outcomes = classify(
        [Arrival(5, "f"), Arrival(4, "f")], [_candidate(1, state="missing")], (), "B"
    )
    assert _origins(outcomes) == [(4, 1, "user"), (5, None, None)]


def test_best_candidate_first() -> None:
    """A missing message explains an arrival better than one that was announced as deleted."""
    candidates = [_candidate(1, state="deleted"), _candidate(2, state="missing")]
    assert _origins(classify([Arrival(4, "f")], candidates, (), "B")) == [(4, 2, "user")]
    assert _origins(classify([Arrival(4, "f")], candidates[:1], (), "B")) == [(4, 1, "user")]


@given(
    st.lists(st.sampled_from("fgh"), max_size=12),
    st.lists(
        st.tuples(
            st.sampled_from("fgh"),
            st.sampled_from(["A", "B"]),
            st.sampled_from(["present", "missing", "deleted"]),
            st.booleans(),
        ),
        max_size=12,
    ),
    st.sets(st.integers(0, 11)),
)
def test_nothing_lost_nothing_doubled(
    prints: list[str], rows: list[tuple[str, str, str, bool]], gone: set[int]
) -> None:
    """Each arrival has one outcome, each candidate explains one arrival at most, and fits it."""
    arrivals = [Arrival(uid, mark) for uid, mark in enumerate(prints, 1)]
    candidates = [
        _candidate(number, fingerprint=mark, mailbox=mailbox, state=state, planned_here=planned)
        for number, (mark, mailbox, state, planned) in enumerate(rows)
    ]
    outcomes = classify(arrivals, candidates, gone, "A")
    assert [outcome.uid for outcome in outcomes] == [arrival.uid for arrival in arrivals]
    moved = [outcome for outcome in outcomes if isinstance(outcome, Relocated)]
    assert len({outcome.candidate.message_id for outcome in moved}) == len(moved)
    for outcome in moved:
        assert outcome.candidate.fingerprint == prints[outcome.uid - 1]
        assert outcome.candidate.mailbox == "B"
        assert outcome.candidate.state != "present" or outcome.candidate.message_id in gone
