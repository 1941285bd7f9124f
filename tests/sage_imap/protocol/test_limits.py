"""The bounds that users may rely on."""

from __future__ import annotations

from sage_imap.protocol.limits import Limits


def test_defaults_leave_room_for_a_whole_message() -> None:
    """A row with the largest body that is accepted fits into a response."""
    limits = Limits()
    assert limits.response > limits.body_literal + limits.line
    assert limits.line >= 1024 * 1024
    assert limits.line < 10 * 1024 * 1024
    assert 20 < limits.nesting < 20_000


def test_limits_can_be_set_one_by_one() -> None:
    """A bound is set by its name and leaves the others as they are."""
    assert Limits(line=5).literal == Limits().literal
