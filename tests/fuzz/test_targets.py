"""Every fuzz target keeps its invariant, on the same few hundred examples each time."""

from __future__ import annotations

import pytest

from fuzz.running import Tally, run_round
from fuzz.targets import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_targets_keep_their_invariants(name: str) -> None:
    """No example breaks the invariant that the target states, be it made or decoded from octets."""
    target = TARGETS[name]
    assert "Invariant:" in (target.__doc__ or "")
    tally = Tally(target)
    run_round(tally, number=0, examples=200)
    assert tally.examples >= 200
    assert not tally.findings, "\n".join(tally.reproducers())
    for octets in (b"", b"\xff", *target.SEEDS[:50]):
        tally.check(target.from_octets(octets))
