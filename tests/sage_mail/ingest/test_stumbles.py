"""Finding the message that breaks connections."""

from __future__ import annotations

import pytest

from sage_mail.ingest.planning import Sized
from sage_mail.ingest.stumbles import GARBLED, LOST, Stumbles


def _reconnects_until_done(bad: int, weight: int) -> tuple[int, set[int]]:
    """Fetch ten messages, of which one breaks the connection; return the breaks and the rest."""
    stumbles = Stumbles()
    messages = [Sized(uid, 10) for uid in range(1, 11)]
    fetched: set[int] = set()
    breaks = 0
    while True:
        left = [m for m in messages if m.uid not in fetched and not stumbles.is_set_aside(m.uid)]
        for portion in stumbles.portions(left):
            if any(message.uid == bad for message in portion):
                stumbles.broke(portion, weight)
                breaks += 1
                break
            stumbles.passed(portion)
            fetched.update(message.uid for message in portion)
        else:
            return breaks, fetched


@pytest.mark.parametrize("bad", [1, 3, 10])
@pytest.mark.parametrize("weight", [GARBLED, LOST])
def test_bad_message_is_found_and_all_others_fetched(bad: int, weight: int) -> None:
    """Whatever its place, the bad message alone is set aside, after a few reconnects."""
    breaks, fetched = _reconnects_until_done(bad, weight)
    assert fetched == set(range(1, 11)) - {bad}
    assert breaks <= 8


def test_success_is_forgiven() -> None:
    """A message that comes in the end is not remembered, and portions are whole again."""
    stumbles = Stumbles()
    portion = [Sized(1, 10), Sized(2, 10)]
    stumbles.broke(portion, LOST)
    assert stumbles.portions(portion) == [[portion[0]], [portion[1]]]
    stumbles.passed(portion)
    assert stumbles.portions(portion) == [portion]


def test_company_proves_nothing() -> None:
    """A message is never set aside for a break that happened in the company of others."""
    stumbles = Stumbles()
    for _ in range(20):
        stumbles.broke([Sized(1, 10), Sized(2, 10)], GARBLED)
    assert not stumbles.is_set_aside(1)
