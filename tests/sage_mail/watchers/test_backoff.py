"""The pause between tries."""

from __future__ import annotations

import pytest

from sage_mail.watchers.backoff import Backoff


def test_doubles_up_to_the_longest() -> None:
    """The pause doubles from the first to the longest and starts over after a success."""
    backoff = Backoff(first=1, longest=8, draw=lambda: 1.0)
    assert [backoff.failed() for _ in range(5)] == [1, 2, 4, 8, 8]
    backoff.succeeded()
    assert backoff.failed() == 1


def test_jitter_keeps_half() -> None:
    """The draw takes away at most half of the pause."""
    assert Backoff(first=4, draw=lambda: 0.0).failed() == 2
    assert Backoff(first=4, draw=lambda: 0.5).failed() == 3


def test_honours_the_other_side() -> None:
    """A pause that the server asked for is kept, even above the longest."""
    assert Backoff(longest=10).failed(at_least=900) == 900


def test_never_overflows() -> None:
    """A thousand failures are still a pause."""
    backoff = Backoff(draw=lambda: 1.0)
    assert max(backoff.failed() for _ in range(1000)) == pytest.approx(300)
