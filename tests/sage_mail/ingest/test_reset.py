"""Recognising messages after a UIDVALIDITY change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sage_mail.ingest.reset import match_again


def test_order_decides_between_identical_messages() -> None:
    """Identical messages keep their order; what is left over is missing or unknown."""
    result = match_again([(1, "f"), (2, "f"), (3, "g"), (4, "h")], [(9, "f"), (7, "f"), (8, "x")])
    assert result.found == ((1, 7), (2, 9))
    assert result.missing == (3, 4)
    assert result.unknown == (8,)


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_each_once(known: list[str], server: list[str]) -> None:
    """Every row and every UID ends up in exactly one place."""
    result = match_again(enumerate(known), enumerate(server, 1))
    assert sorted([row for row, _ in result.found] + list(result.missing)) == list(
        range(len(known))
    )
    assert sorted([uid for _, uid in result.found] + list(result.unknown)) == list(
        range(1, len(server) + 1)
    )
    assert all(known[row] == server[uid - 1] for row, uid in result.found)
