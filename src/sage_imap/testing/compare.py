"""Whether what came is what was expected, by the rules of the transcript format.

Objects are subsets, an expected null is met by a missing key, flags are sets without regard to
case, sets of numbers compare as sets and are never expanded, dates compare as moments, and
``{"$any": [...]}`` is met by each of its alternatives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sage_imap.protocol.sets import NumberSet

__all__ = ["in_order", "matches"]

_SETS: Final = frozenset({"flags", "attributes", "PERMANENTFLAGS"})
_ANY_CASE: Final = frozenset({"type", "encoding", "special_use"})
_UNORDERED: Final = "ids"
_CONTAINED: Final = frozenset({"capability", "enabled"})


def in_order(expected: Iterable[Any], came: Sequence[Mapping[str, Any]]) -> Any:
    """The first expected event that did not come in its turn, or None.

    Other events may come between the expected ones.
    """
    position = 0
    for event in expected:
        while position < len(came) and not matches(event, came[position]):
            position += 1
        if position == len(came):
            return event
        position += 1
    return None


def matches(expected: Any, came: Any, name: str = "") -> bool:
    """Whether *came* is what *expected* asks for; *name* is the key that both stand under."""
    if isinstance(expected, dict) and "$any" in expected:
        return any(matches(one, came, name) for one in expected["$any"])
    if expected is None:
        return came is None
    if isinstance(expected, dict):
        return _match_object(expected, came, name)
    if isinstance(expected, list):
        return _match_list(expected, came, name)
    if isinstance(expected, str):
        return _match_text(expected, came, name)
    return type(came) is type(expected) and bool(came == expected)


def _match_object(expected: Mapping[str, Any], came: Any, name: str) -> bool:
    if not isinstance(came, Mapping):
        return False
    kind = came.get("type")
    for key, value in expected.items():
        inner = key
        if key == "items" and kind in _CONTAINED:
            inner = kind
        elif key == "args" and came.get("name") == "PERMANENTFLAGS":
            inner = "PERMANENTFLAGS"
        elif key == _UNORDERED and kind not in (None, "search"):
            inner = ""
        if not matches(value, came.get(key), inner):
            return False
    return True


def _match_list(expected: list[Any], came: Any, name: str) -> bool:
    if not isinstance(came, list | tuple):
        return False
    if name in _CONTAINED:
        return _folded(expected) <= _folded(came)
    if name == "PERMANENTFLAGS" and any(isinstance(item, list) for item in expected):
        name, inner = "", "flags"
    else:
        inner = name
    if name.lower() in _SETS:
        return _folded(expected) == _folded(came)
    if len(expected) != len(came):
        return False
    if name == _UNORDERED:
        return sorted(expected) == sorted(came)
    return all(matches(one, other, inner) for one, other in zip(expected, came, strict=True))


def _match_text(expected: str, came: Any, name: str) -> bool:
    if isinstance(came, NumberSet):
        return type(came).parse(expected) == came
    if isinstance(came, bytes):
        return expected.encode("latin-1") == came
    if isinstance(came, datetime):
        return datetime.fromisoformat(expected) == came
    if not isinstance(came, str):
        return False
    if name in _ANY_CASE:
        return expected.lower() == came.lower()
    return expected == came


def _folded(items: Iterable[Any]) -> set[str]:
    return {str(item).lower() for item in items}
