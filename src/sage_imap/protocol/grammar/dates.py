"""Dates of the wire and of headers to aware datetimes; what is no date is None."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

__all__ = ["decode_header_date", "decode_internal_date"]

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
        start=1,
    )
}
# RFC 5322 section 4.3; letters that are not listed there mean that the zone is not known.
_ZONES: Final = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}

_INTERNAL: Final = re.compile(
    r'"?([ 0-9]?[0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-][0-9]{4})"?'
)
_DAY: Final = re.compile(r"([ 0-9][0-9])[ -]([A-Za-z]{3})[ -]([0-9]{4})")
_COMMENT: Final = re.compile(r"\([^()]*+\)")
_RFC5322: Final = re.compile(
    r"\s*+(?:[^\W\d]{2,12}+\.?,?\s*+)?([0-9]{1,2}+)[\s-]*+([A-Za-z]{3})[a-z]{0,6}+\.?,?[\s-]*+([0-9]{2,4}+),?\s++"
    r"([0-9]{1,2}+)[:.]([0-9]{2})(?:[:.]([0-9]{2})(?:\.[0-9]{1,9}+)?)?\s*+([+-][0-9]{2}:?[0-9]{2}|[A-Za-z]{1,5}+)?"
)
_ASCTIME: Final = re.compile(
    r"\s*+[A-Za-z]{3},?\s++([A-Za-z]{3})\s++([0-9]{1,2}+)\s++([0-9]{1,2}+):([0-9]{2}):([0-9]{2})\s++"
    r"(?:([A-Z]{1,5}+|[+-][0-9]{4})\s++)?([0-9]{4})\b"
)
_INTERNAL_LENGTH: Final = len("31-Jan-2022 23:59:59 +0000")
_HEADER_LENGTH: Final = len("Mon, 31 Jan 2022 23:59:59 +0000")
_LONGEST: Final = 256  # no date is longer, and what is goes through no expression


@lru_cache(maxsize=512)
def _zone(name: str) -> timezone:
    if name[:1] in ("+", "-"):
        minutes = int(name[1:3]) * 60 + int(name[-2:])
        if minutes >= 24 * 60:
            return UTC
        return timezone(timedelta(minutes=-minutes if name[0] == "-" else minutes))
    hours = _ZONES.get(name.upper(), 0)
    return timezone(timedelta(hours=hours)) if hours else UTC


@lru_cache(maxsize=512)
def _iso_day(day: str) -> str:
    """``2022-01-31T`` of ``31-Jan-2022`` or ``31 Jan 2022``, empty for what is no day."""
    match = _DAY.fullmatch(day)
    try:
        if match is not None:
            return f"{date(int(match[3]), _MONTHS[match[2].lower()], int(match[1]))}T"
    except (KeyError, ValueError):
        pass
    return ""


def _plain_moment(text: str, start: int) -> datetime | None:
    """The moment of ``31-Jan-2022 23:59:59 +0000`` at *start*, None where it looks otherwise.

    By the compiled reader of ISO 8601, which alone would take other forms, too.
    """
    at = start + 11
    if text[at] != " " or text[at + 3] != ":" or text[at + 6] != ":" or text[at + 9] != " ":
        return None
    iso = _iso_day(text[start:at])
    if not iso or text[at + 10] not in "+-":
        return None
    try:
        return datetime.fromisoformat(f"{iso}{text[at + 1 : at + 9]}{text[at + 10 :]}")
    except ValueError:
        return None


def decode_internal_date(text: str) -> datetime | None:
    """The moment of an INTERNALDATE (RFC 9051 section 9, date-time), with or without quotes."""
    if len(text) == _INTERNAL_LENGTH:
        moment = _plain_moment(text, 0)
        if moment is not None:
            return moment
    match = _INTERNAL.fullmatch(text)
    month = None if match is None else _MONTHS.get(match[2].lower())
    if match is None or month is None:
        return None
    day, _, year, hour, minute, second, zone = match.groups()
    try:
        second = min(int(second), 59)
        return datetime(
            int(year), month, int(day), int(hour), int(minute), second, tzinfo=_zone(zone)
        )
    except ValueError:
        return None


def decode_header_date(text: str) -> datetime | None:
    """The moment of a Date header (RFC 5322 section 3.3, and what is sent in its place).

    A date without a zone, or with one that nobody knows, is taken as UTC.
    """
    if len(text) > _LONGEST:
        return None
    if _HEADER_LENGTH - 1 <= len(text) <= _HEADER_LENGTH and text[3:5] == ", ":
        # A day of one digit has the space before it, instead of a zero.
        moment = _plain_moment(text, len(text) - _INTERNAL_LENGTH) if text[:3].isalpha() else None
        if moment is not None:
            return moment
    if "(" in text:
        text = _COMMENT.sub(" ", text)
    match = _RFC5322.match(text)
    if match is not None:
        day, month, year, hour, minute, second, zone = match.groups()
    else:
        match = _ASCTIME.match(text)
        if match is None:
            return _iso(text)
        month, day, hour, minute, second, zone, year = match.groups()
    number = _MONTHS.get(month.lower())
    if number is None:
        return None
    try:
        return datetime(
            _year(year),
            number,
            int(day),
            int(hour),
            int(minute),
            min(int(second or 0), 59),  # a leap second is a second of the minute before it
            tzinfo=_zone(zone or "+0000"),
        )
    except ValueError:
        return None


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    if len(digits) == 3:  # RFC 5322 section 4.3: years since 1900
        return year + 1900
    return year + (2000 if year < 50 else 1900)


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
