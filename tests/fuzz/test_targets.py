"""Every fuzz target runs, the same few hundred examples each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from fuzz import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_target(name: str) -> None:
    """No example of the first few hundred breaks the target's invariant, which it states."""
    target = TARGETS[name]
    assert "Invariant:" in (target.__doc__ or "")
    chosen = settings(
        max_examples=200,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    examples: SearchStrategy[Any] = target.EXAMPLES

    def check(example: Any) -> None:
        target.check(example)

    turn: Callable[[], None] = chosen(given(example=examples)(check))
    turn()
