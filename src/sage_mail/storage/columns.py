"""The column types at the edge of the database: here, and only here, values are made storable.

NUL and lone surrogates cannot be stored in PostgreSQL's text (and break readers of SQLite's), yet
mail contains them: they become U+FFFD, in text and in every string of a JSON value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

__all__ = [
    "Count",
    "Document",
    "Identity",
    "Instant",
    "JsonText",
    "StoredText",
    "json_text",
    "storable_json",
    "storable_text",
]

# json.dumps makes one for each call.
_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
)
# Like json, refuse what has no JSON of its own.
_ONLY_JSON: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")

# SQLite gives automatic numbers to INTEGER PRIMARY KEY alone (its integers have 64 bits anyway).
Identity: Final = BigInteger().with_variant(Integer, "sqlite")
# UIDs and UIDVALIDITY have 32 bits without a sign, a mod-sequence 63 (RFC 7162 section 3.1).
Count: Final = BigInteger


def storable_text(text: str) -> str:
    """The text with U+FFFD for each NUL and each lone surrogate."""
    return _UNSTORABLE.sub("\ufffd", text)


def storable_json(value: Any) -> Any:
    """The JSON value with all its strings made storable; tuples become lists, NaN becomes None.

    Infinity and NaN are no JSON (RFC 8259 section 6), and PostgreSQL refuses them.

    Raises:
        TypeError: the value is no JSON otherwise.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {storable_text(str(key)): storable_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"{type(value).__name__} is no JSON")


class JsonText(str):
    """A JSON value as `json_text` has written it; what is stored twice is then written once."""

    __slots__ = ()

    def value(self) -> Any:
        """The value that is read back once this is stored."""
        return orjson.loads(str(self))


class _UnusualText(JsonText):
    """What orjson would not write, and might not read: it knows no integers beyond 64 bits."""

    __slots__ = ()

    def value(self) -> Any:
        return json.loads(self)


def json_text(value: Any) -> JsonText:
    """The JSON text of the value, made storable as `storable_json` does it.

    Raises:
        TypeError: the value is no JSON.
    """
    if isinstance(value, JsonText):
        return value
    try:
        text = orjson.dumps(value, option=_ONLY_JSON).decode()
    except TypeError:  # a mapping that is no dict, a key that is no text, a lone surrogate
        text = ""
    # NUL is written as an escape; an escaped backslash before u0000 is a rare false alarm, which
    # costs a second look and nothing else.
    if text and "\\u0000" not in text:
        return JsonText(text)
    return _UnusualText(_ENCODER.encode(storable_json(value)))


def utc(instant: datetime) -> datetime:
    """The instant in UTC; if that leaves the years 1 to 9999, the edge is kept."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        edge = datetime.min if instant.year == 1 else datetime.max
        return edge.replace(tzinfo=UTC)


class StoredText(TypeDecorator[str]):
    """Text of any length from anywhere."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make the text storable."""
        return None if value is None else _UNSTORABLE.sub("\ufffd", value)


# A plain JSON column: JSONB would not keep the order of the keys. `json_text` is its serialiser.
Document: Final = JSON(none_as_null=True)


class Instant(TypeDecorator[datetime]):
    """An aware instant in UTC on both databases (SQLite has no time zones)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn the instant to UTC."""
        return None if value is None else utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the instant its time zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
