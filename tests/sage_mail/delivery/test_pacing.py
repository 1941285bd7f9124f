"""The rate of an endpoint, with the clock given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_mail.delivery.pacing import Pacer


def test_without_a_rate_nothing_waits() -> None:
    """An endpoint without a limit is never paused."""
    pacer = Pacer(None)
    assert [pacer.pause(0.0) for _ in range(1000)] == [0.0] * 1000


def test_a_burst_and_then_the_rate() -> None:
    """What a second allows may go at once, then one goes whenever a token has grown."""
    pacer = Pacer(4.0)
    assert [pacer.pause(10.0) for _ in range(5)] == [0.0, 0.0, 0.0, 0.0, 0.25]
    assert pacer.pause(10.125) == pytest.approx(0.125)
    assert pacer.pause(10.25) == 0.0
    assert pacer.pause(10.25) == pytest.approx(0.25)


def test_slower_than_one_a_second() -> None:
    """A rate below one lets the first go and the next after its time."""
    pacer = Pacer(0.1)
    assert pacer.pause(0.0) == 0.0
    assert pacer.pause(0.0) == pytest.approx(10.0)
    assert pacer.pause(10.0) == 0.0


@given(st.floats(0.1, 50), st.lists(st.floats(0, 5), min_size=1, max_size=50))
def test_never_more_than_the_rate(rate: float, gaps: list[float]) -> None:
    """In any time no more begin than the burst and what has grown since."""
    pacer, now, begun = Pacer(rate), 0.0, 0
    for gap in gaps:
        now += gap
        begun += pacer.pause(now) == 0.0
    assert begun <= max(1.0, rate) + now * rate + 1e-6


@pytest.mark.parametrize("rate", [None, 10.0])
def test_a_rest_goes_before_the_rate(rate: float | None) -> None:
    """While the endpoint rests nothing begins, and a shorter wish does not shorten a longer one."""
    pacer = Pacer(rate)
    pacer.rest(60.0, 100.0)
    pacer.rest(5.0, 110.0)
    assert (pacer.pause(100.0), pacer.pause(159.0)) == (60.0, 1.0)
    assert pacer.pause(160.0) == 0.0
