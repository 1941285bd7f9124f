"""What goes into the database is storable on both databases, and else unchanged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_mail.storage.columns import json_text, storable_json, storable_text, utc

_ANY_TEXT = st.text(st.characters(exclude_categories=()))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_ANY_TEXT, inner, max_size=4),
)


@given(_ANY_TEXT)
def test_text_is_storable_and_only_then_changed(text: str) -> None:
    """The result is encodable and free of NUL, has the same length, and is stable."""
    result = storable_text(text)
    assert b"\0" not in result.encode()
    assert len(result) == len(text)
    assert storable_text(result) == result
    assert all(new == old or new == "\ufffd" for new, old in zip(result, text, strict=True))


@given(_JSON)
def test_json_text_says_what_the_storable_value_says(value: Any) -> None:
    """The serialiser's quick way and its thorough way agree."""
    text = json_text(value)
    text.encode()
    assert json.loads(text) == storable_json(value)
    assert text.value() == storable_json(value)
    assert json_text(text) is text


def test_an_escaped_backslash_is_no_nul() -> None:
    """Text that only looks like an escaped NUL is kept."""
    assert json.loads(json_text(["\\u0000", "\0"])) == ["\\u0000", "\ufffd"]


def test_mappings_of_any_kind_are_json() -> None:
    """A read-only mapping is stored like a dict, and tuples like lists."""
    assert json_text(MappingProxyType({"a": (1, 2)})) == '{"a":[1,2]}'


@pytest.mark.parametrize("value", [b"x", {1}, object(), {"a": datetime.now(UTC)}])
def test_what_is_no_json_is_refused(value: Any) -> None:
    """A value that JSON cannot say is a TypeError."""
    with pytest.raises(TypeError, match="no JSON"):
        json_text(value)


@given(st.datetimes(timezones=st.timezones()))
def test_every_aware_instant_has_a_utc(instant: datetime) -> None:
    """No time zone pushes an instant out of the calendar."""
    assert utc(instant).tzinfo is UTC


def test_a_naive_instant_is_refused() -> None:
    """An instant without a time zone is no instant."""
    with pytest.raises(ValueError, match="time zone"):
        utc(datetime.min)
