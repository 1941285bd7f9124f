"""Dates and times, closed by the mail's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from sage_mail.pipeline.extraction.dates import Calendar, Hint, When
from tests.sage_mail.pipeline.extraction.reading import MONDAY, VOCABULARY, passage

_CALENDAR = Calendar(VOCABULARY)
_AHEAD = Hint(MONDAY, ahead=True)


def _found(text: str, hint: Hint = _AHEAD) -> list[When]:
    return _CALENDAR.find(passage(text), hint)


@pytest.mark.parametrize(
    ("text", "day", "clock"),
    [
        ("31.12.2026", "2026-12-31", None),
        ("bis Freitag 17 Uhr", "2026-11-27", "17:00"),
        ("Freitag, den 4. Dezember 2026 um 17:30 Uhr", "2026-12-04", "17:30"),
        ("12/31/2026", "2026-12-31", None),
        ("December 31st", "2026-12-31", None),
        ("Dec 31, 2026 at 5pm", "2026-12-31", "17:00"),
        ("within 24 hours", "2026-11-24", "10:00"),
        ("innerhalb von 14 Tagen", "2026-12-07", None),
        ("binnen drei Werktagen", "2026-11-26", None),
        ("within 5 business days", "2026-11-30", None),
        ("in two months", "2027-01-23", None),
        ("31.12. um 9 Uhr", "2026-12-31", "09:00"),
        ("2026-12-31T17:00:00Z", "2026-12-31", "17:00"),
        ("tomorrow", "2026-11-24", None),
        ("übermorgen", "2026-11-25", None),
        ("next Friday 5 p.m.", "2026-11-27", "17:00"),
        ("5 pm on Friday", "2026-11-27", "17:00"),
        ("Monday", "2026-11-30", None),
        ("martedì 01 dicembre", "2026-12-01", None),
        ("02 Juillet 2015", "2015-07-02", None),
        ("1st of January, 2027", "2027-01-01", None),
        ("end of the month", "2026-11-30", None),
        ("Ende nächster Woche", "2026-12-04", None),
        ("end of the year", "2026-12-31", None),
        ("COB Friday", "2026-11-27", "17:00"),
        ("close of business", "2026-11-23", "17:00"),
        ("26 Nov 2020 16:56:17 GMT", "2020-11-26", "16:56"),
    ],
)
def test_a_date_is_found(text: str, day: str, clock: str | None) -> None:
    """English, German and others; what is open counts from the mail's own date."""
    (when,) = _found(f"please {text}, thanks")

    assert when.day == date.fromisoformat(day)
    assert when.clock == (time.fromisoformat(clock) if clock else None)


@pytest.mark.parametrize(
    "text",
    [
        "version 3.2.1 and 10.0.0.1",
        "phone 030/12345",
        "you may 5 times",
        "99.99.2026",
        "31.02.2026",
        "order 123-12-4567",
        "3.50 EUR",
        "id 2026-13-01",
        "14 days",
    ],
)
def test_what_is_no_date(text: str) -> None:
    """Versions, addresses, numbers and days that no calendar has."""
    assert _found(text) == []


def test_which_number_is_the_day() -> None:
    """3/4 is the fourth of March in America and the third of April elsewhere; 25/4 is clear."""
    assert _found("3/4/2026")[0].day == date(2026, 3, 4)
    assert _found("3/4/2026", replace(_AHEAD, day_first=True))[0].day == date(2026, 4, 3)
    assert _found("25/4/2026")[0].day == date(2026, 4, 25)
    assert _found("3/4/2026")[0].confidence < _found("25/4/2026")[0].confidence


def test_the_missing_year_is_the_nearest_or_the_next() -> None:
    """ "March 27" in November: the one that was, or, for deadlines, the one that comes."""
    assert _found("October 27", Hint(MONDAY))[0].day == date(2026, 10, 27)
    assert _found("October 27", _AHEAD)[0].day == date(2026, 10, 27)
    assert _found("March 27", Hint(MONDAY))[0].day == date(2027, 3, 27)
    assert _found("January 2", _AHEAD)[0].day == date(2027, 1, 2)
    assert [_found(text)[0].day.year for text in ("1/2/30", "1/2/93")] == [2030, 1993]


def test_a_named_zone_is_kept() -> None:
    """5 pm EST is five hours behind UTC."""
    (when,) = _found("Dec 31, 2026 at 5pm EST")

    assert when.zone is not None
    assert when.zone.utcoffset(None) == timedelta(hours=-5)


def test_a_mail_without_a_date_leaves_open_what_is_open() -> None:
    """Without a moment to count from, only whole dates are dates."""
    unknown = replace(_AHEAD, known=False)

    assert _found("tomorrow, Friday, within 3 days, March 27", unknown) == []
    assert _CALENDAR.time_at(passage("by 5 pm"), 2, unknown) is None
    assert len(_found("27 March 2026", unknown)) == 1


def test_a_time_alone_is_today_or_tomorrow() -> None:
    """At ten in the morning, 5 pm is today and 9 am tomorrow."""
    five = _CALENDAR.time_at(passage("by 5 pm"), 2, _AHEAD)
    nine = _CALENDAR.time_at(passage("bis 9 Uhr"), 3, _AHEAD)

    assert five is not None
    assert nine is not None
    assert (five.day, nine.day) == (date(2026, 11, 23), date(2026, 11, 24))


@pytest.mark.parametrize("text", ["25:00", "12:75", "13 pm", "17.30", "7"])
def test_what_is_no_time(text: str) -> None:
    """Hours and minutes that no clock shows, and bare numbers."""
    assert _CALENDAR.time_at(passage(text), 0, _AHEAD) is None
