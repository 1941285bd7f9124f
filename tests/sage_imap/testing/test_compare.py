from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sage_imap.protocol.sets import UIDSet
from sage_imap.testing.compare import in_order, matches


@pytest.mark.parametrize(
    ("expected", "came"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": None}, {}),
        ({"a": {"$any": [None, 0]}}, {"a": 0}),
        ({"$any": [{"type": "x"}, {"type": "y"}]}, {"type": "y"}),
        ([1, 2], (1, 2)),
        ({"flags": ["\\seen", "A"]}, {"flags": ["a", "\\Seen"]}),
        ({"FLAGS": []}, {"FLAGS": ()}),
        ({"attributes": ["\\A"]}, {"attributes": ("\\a", "\\A")}),
        (
            {"name": "PERMANENTFLAGS", "args": [["\\A"]]},
            {"name": "PERMANENTFLAGS", "args": [("\\a",)]},
        ),
        ({"type": "capability", "items": ["IDLE"]}, {"type": "capability", "items": ("X", "idle")}),
        (
            {"type": "status", "items": {"SIZE": 1}},
            {"type": "status", "items": {"SIZE": 1, "X": 2}},
        ),
        ({"type": "search", "ids": [1, 2]}, {"type": "search", "ids": (2, 1)}),
        ({"uids": "1:3"}, {"uids": UIDSet.of([3, 2, 1])}),
        ({"raw": "\u00e9"}, {"raw": b"\xe9"}),
        ({"date": "1996-07-17T04:00:00+02:00"}, {"date": datetime(1996, 7, 17, 2, tzinfo=UTC)}),
        ({"encoding": "BASE64"}, {"encoding": "base64"}),
        ({"uid": True}, {"uid": True}),
    ],
)
def test_what_is_met(expected: Any, came: Any) -> None:
    """Each rule of the format that makes two values equal."""
    assert matches(expected, came)


@pytest.mark.parametrize(
    ("expected", "came"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": "1"}),
        ({"a": ""}, {"a": None}),
        ({"a": None}, {"a": ""}),
        ({"a": {"b": 1}}, {"a": 1}),
        ({"a": {"$any": [None, 0]}}, {"a": 1}),
        ([1, 2], [2, 1]),
        ([1, 2], [1]),
        ([1], 1),
        ({"flags": ["a"]}, {"flags": ["a", "b"]}),
        ({"name": "PERMANENTFLAGS", "args": [["a"]]}, {"name": "PERMANENTFLAGS", "args": [("b",)]}),
        ({"type": "capability", "items": ["IDLE"]}, {"type": "capability", "items": ("X",)}),
        ({"type": "sort", "ids": [1, 2]}, {"type": "sort", "ids": (2, 1)}),
        ({"type": "search", "ids": [1, 2]}, {"type": "search", "ids": (1, 3)}),
        ({"uids": "1:3"}, {"uids": UIDSet.of([1, 2])}),
        ({"raw": "x"}, {"raw": b"y"}),
        ({"raw": "x"}, {"raw": 5}),
        ({"name": "A"}, {"name": "a"}),
        ({"date": "1996-07-17T04:00:00+02:00"}, {"date": datetime(1996, 7, 17, 4, tzinfo=UTC)}),
    ],
)
def test_what_is_not_met(expected: Any, came: Any) -> None:
    """What differs is told from what is equal."""
    assert not matches(expected, came)


def test_order() -> None:
    """Expected events come in their order, and others may come between them."""
    came = [{"type": "a"}, {"type": "x"}, {"type": "b"}]
    assert in_order([{"type": "a"}, {"type": "b"}], came) is None
    assert in_order([{"type": "b"}, {"type": "a"}], came) == {"type": "a"}
    assert in_order([{"type": "a"}, {"type": "a"}], came) == {"type": "a"}
