"""Dates and times as people write them: 31.12.2026, Dec 31st, bis Freitag 17 Uhr, within 24 hours.

What leaves something open is closed by the mail's own date and zone: the year that is missing, the
Friday that is meant. Our own grammar, over words that are data: dateparser takes 2.5 ms for one
candidate (a whole mail has one) and reads "Freitag 17 Uhr" as the 17th.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Final

from sage_mail.pipeline.extraction.passage import Passage
from sage_mail.pipeline.extraction.vocabulary import Hit, Vocabulary

__all__ = ["Calendar", "Hint", "When"]

_MOST_DATES: Final = 100
# 2026-12-31, 2026/12/31, 31.12.2026, 12/31/26, 31.12. and 12/31, none of them a piece of something
# longer. The digit stands before the look behind so that the search leaps from digit to digit.
_NUMERIC: Final = re.compile(
    r"\d(?<![\w.,/=-]\d)(?:"
    r"\d{3}-\d{1,2}-\d{1,2}|\d{3}/\d{1,2}/\d{1,2}"
    r"|\d?(?:\.\d{1,2}\.(?:\d{4}|\d{2})?|/\d{1,2}(?:/(?:\d{4}|\d{2}))?"
    r"|-\d{1,2}-(?:\d{4}|\d{2}))"
    r")(?!\d|[/_=-]\w)(?:(?=t\d)|(?![^\W\d_]))"
)
_NUMBERS: Final = re.compile(r"\d+")
_DAY_BEFORE: Final = re.compile(
    r"(?<![\d.,:/-])(\d{1,2})(?:st|nd|rd|th|er|\.|º|ª)?[ ]{0,2}(?:(?:of|de|den)[ ])?$"
)
_DAY_AFTER: Final = re.compile(
    r"\.?[ ]{1,2}(?:the[ ])?(\d{1,2})(?:st|nd|rd|th)?(?![\d:])(?:[ ]?,?[ ]{0,2}(\d{4})(?!\d))?"
)
_YEAR_AFTER: Final = re.compile(r"\.?,?[ ]{0,2}(?:(?:de|of)[ ])?(\d{4})(?!\d)")
_ISO_TIME: Final = re.compile(r"t(\d{2}):(\d{2})(?::\d{2})?(?:\.\d{1,9})?(z|[+-]\d{2}:?\d{2})?")
_ZONES: Final = {
    "z": 0, "utc": 0, "gmt": 0, "bst": 60, "wet": 0, "west": 60, "cet": 60, "mez": 60,
    "cest": 120, "mesz": 120, "eet": 120, "eest": 180, "msk": 180, "ist": 330, "jst": 540,
    "aest": 600, "aedt": 660, "est": -300, "edt": -240, "et": -300, "cst": -360, "cdt": -300,
    "ct": -360, "mst": -420, "mdt": -360, "mt": -420, "pst": -480, "pdt": -420, "pt": -480,
}  # fmt: skip
_CLOCK: Final = (
    r"(?:(?P<named>noon|midday|midnight|mittags?|mitternacht)(?!\w)|(?P<hour>\d{1,2})(?:(?P<colon>[:.])(?P<minute>\d{2})(?!\d)(?::\d{2})?)?"
    r"[ ]?(?:(?P<half>[ap])(?:m\b|\.m\.?)|(?P<uhr>uhr|o'clock|h)(?!\w))?"
    r")"
    rf"(?:[ ]?\(?(?P<zone>{'|'.join(sorted(_ZONES, key=len, reverse=True))})(?!\w))?"
)
_AT: Final = (
    r"(?:at|um|by|before|until|till|bis|vor|gegen|ab|from|a las|à|alle ore|alle|ore|entro le|@|-|–)"
)
_TIME_AFTER: Final = re.compile(rf"[ ,]{{0,3}}(?:{_AT}[ ]{{1,2}})?\(?{_CLOCK}")
_TIME: Final = re.compile(rf"[ ]{{0,2}}(?:{_AT}[ ]{{1,2}})?{_CLOCK}")
_TIME_BEFORE: Final = re.compile(
    rf"(?<![\w.:]){_CLOCK}[ ]{{0,2}}(?:,|on|am|the|of|,? ?on)?[ ]{{0,2}}$"
)
# Months only with a capital; "you may 5 times" is no date.
_VERBS: Final = frozenset({"may", "march", "mar"})
_FRIDAY: Final = 4
_SATURDAY: Final = 5
# The room of " on " between the close of business and its day.
_NEAR: Final = 5
_FAR_AHEAD: Final = 270
# 30 is 2030, 93 is 1993: a year of two digits lies at most this far ahead.
_CENTURY_AHEAD: Final = 30
_OFFICE_CLOSES: Final = time(17)
# A deadline at midnight ends the day that it names.
_MIDNIGHT: Final = frozenset({"midnight", "mitternacht"})
_END_OF_DAY: Final = time(23, 59)
# "Fri", "Sun": so short a word is a day only with a capital.
_SHORT: Final = 5


@dataclass(frozen=True, slots=True)
class Hint:
    """How open dates are closed: from which moment, which number is the day, whether ahead.

    Where the moment of the mail is not *known*, only dates that leave nothing open are dates.
    """

    base: datetime
    day_first: bool = False
    ahead: bool = False
    known: bool = True


@dataclass(frozen=True, slots=True)
class When:
    """A date in a text, with the time and the zone where they are told."""

    start: int
    end: int
    day: date
    confidence: float
    clock: time | None = None
    zone: tzinfo | None = None
    relative: bool = False


class Calendar:
    """Finds dates and times by the words of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._months = vocabulary.phrases("months")
        self._weekdays = vocabulary.phrases("weekdays")
        self._days = vocabulary.phrases("days")
        self._units = vocabulary.phrases("units")
        relative = vocabulary.table("relative")
        self._counts = {word: int(key) for word, key in vocabulary.meanings("counts").items()}
        within = _either(relative.get("within", ()))
        self._count_before = re.compile(
            rf"(?<!\w)(?:{within})[ ]{{1,2}}"
            rf"(?:(\d{{1,3}})|({_either(tuple(self._counts))}))[ ]{{1,2}}$"
        )
        units = {word: key for key, words in vocabulary.table("units").items() for word in words}
        self._glued = re.compile(
            rf"(?<!\w)(?:{within})[ ]{{1,2}}(\d{{1,3}})({_either(tuple(units))})(?!\w)"
        )
        self._unit_keys = units
        self._next_before = re.compile(rf"(?<!\w)(?:{_either(relative.get('next', ()))})[ ]$")

    def find(self, passage: Passage, hint: Hint) -> list[When]:
        """The dates in the text, in their order, each with the time that stands beside it."""
        return passage.remember((self, hint), lambda: self._find(passage, hint))

    def _find(self, passage: Passage, hint: Hint) -> list[When]:
        weekdays = self._weekdays.find(passage)
        absolute = [
            _with_weekday(when, weekdays)
            for when in (*self._numeric(passage, hint), *self._named(passage, hint))
        ]
        relative: list[When] = []
        if hint.known:
            relative = [*self._weekday(passage, hint), *self._spoken(passage, hint)]
        found = sorted([*absolute, *relative], key=lambda when: (when.start, -when.end))
        apart = _with_office_hours(list(_apart(found[:_MOST_DATES])))
        return [_timed(passage.lowered, when) for when in apart]

    def time_at(self, passage: Passage, start: int, hint: Hint) -> When | None:
        """The time alone that stands there, on the day of the hint or the next if it is past."""
        found = _TIME.match(passage.lowered, start)
        clock = _clock(found) if found else None
        if found is None or clock is None or not hint.known:
            return None
        zone = _zone(found["zone"])
        base = hint.base.astimezone(zone) if zone else hint.base
        passed = clock <= base.time()
        day = base.date() + timedelta(days=1 if passed else 0)
        return When(
            max(found.start("hour"), found.start("named")),
            found.end(),
            day,
            0.6 if passed else 0.75,
            clock,
            zone,
            True,
        )

    def _numeric(self, passage: Passage, hint: Hint) -> Iterator[When]:
        text = passage.lowered
        for count, found in enumerate(_NUMERIC.finditer(text)):
            if count == _MOST_DATES:
                return
            numbers = _NUMBERS.findall(found[0])
            if len(numbers[0]) == 4:
                day = _valid(int(numbers[0]), int(numbers[1]), int(numbers[2]))
                if day is not None:
                    yield _with_iso_time(text, When(found.start(), found.end(), day, 0.98))
            elif resolved := _from_numbers(numbers, hint, dotted="." in found[0]):
                yield When(found.start(), found.end(), *resolved)

    def _named(self, passage: Passage, hint: Hint) -> Iterator[When]:
        text = passage.lowered
        for hit in self._months.find(passage):
            if hit.phrase in _VERBS and not passage.text[hit.start].isupper():
                continue
            before = _DAY_BEFORE.search(text, max(0, hit.start - 10), hit.start)
            after = _DAY_AFTER.match(text, hit.end)
            if before:
                year = _YEAR_AFTER.match(text, hit.end)
                number, start = before[1], before.start()
                end = year.end() if year else hit.end
                told = year[1] if year else None
            elif after:
                number, start, end, told = after[1], hit.start, after.end(), after[2]
            else:
                continue
            day = _date(told, int(hit.key), int(number), hint)
            if day is not None:
                yield When(start, end, day, 0.95 if told else 0.85)

    def _weekday(self, passage: Passage, hint: Hint) -> Iterator[When]:
        today = hint.base.date()
        for hit in self._weekdays.find(passage):
            if len(hit.phrase) <= _SHORT and not passage.text[hit.start].isupper():
                continue
            ahead = (int(hit.key) - 1 - today.weekday()) % 7 or 7
            before = self._next_before.search(passage.lowered, max(0, hit.start - 16), hit.start)
            start = before.start() if before else hit.start
            day = today + timedelta(days=ahead)
            yield When(start, hit.end, day, 0.65 if before else 0.8, relative=True)

    def _spoken(self, passage: Passage, hint: Hint) -> Iterator[When]:
        for hit in self._days.find(passage):
            day, clock = _day_of(hit.key, hint.base.date())
            yield When(hit.start, hit.end, day, 0.85, clock, relative=True)
        for hit in self._units.find(passage):
            before = self._count_before.search(passage.lowered, max(0, hit.start - 50), hit.start)
            if before:
                count = int(before[1]) if before[1] else self._counts[before[2]]
                yield _after(hint.base, count, hit, before.start())
        if any(word[0].isdigit() and word[-1].isalpha() for word in passage.numbers):
            for found in self._glued.finditer(passage.lowered):
                hit = Hit(self._unit_keys[found[2]], found[2], found.start(2), found.end())
                yield _after(hint.base, int(found[1]), hit, found.start())


def _either(words: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True))) or "(?!)"


def _from_numbers(numbers: list[str], hint: Hint, *, dotted: bool) -> tuple[date, float] | None:
    """The date of two or three numbers, and how sure their order is."""
    first, second = int(numbers[0]), int(numbers[1])
    year = numbers[2] if len(numbers) == 3 else None
    certain = dotted or first > 12 or second > 12 or first == second
    day, month = (first, second) if dotted or hint.day_first else (second, first)
    if month > 12:
        day, month = month, day
    confidence = (0.95 if certain else 0.7) if year else 0.6 if dotted else 0.5
    resolved = _date(year, month, day, hint)
    return (resolved, confidence) if resolved else None


def _date(year: str | None, month: int, day: int, hint: Hint) -> date | None:
    base = hint.base.date()
    if year is not None:
        number = int(year)
        if len(year) == 2:
            number += 2000 if 2000 + number <= max(base.year, 2000) + _CENTURY_AHEAD else 1900
        return _valid(number, month, day)
    if not hint.known:
        return None
    near = (_valid(base.year + years, month, day) for years in (-1, 0, 1))
    days = [day for day in near if day is not None]
    if hint.ahead:
        # In November, "October 27" was; "March 27" will be.
        coming = [day for day in days if 0 <= (day - base).days <= _FAR_AHEAD]
        days = coming or days
    return min(days, key=lambda day: abs(day - base), default=None)


def _valid(year: int, month: int, day: int) -> date | None:
    # Mail tells of this life; years beyond it are numbers of something else.
    if not (1900 <= year <= 2200 and 1 <= month <= 12):
        return None
    return date(year, month, day) if 1 <= day <= calendar.monthrange(year, month)[1] else None


def _day_of(key: str, today: date) -> tuple[date, time | None]:
    friday = today + timedelta(days=(_FRIDAY - today.weekday()) % 7)
    month_end = today.replace(day=calendar.monthrange(today.year, today.month)[1])
    days = {
        "today": today,
        "tomorrow": today + timedelta(days=1),
        "overmorrow": today + timedelta(days=2),
        "end_of_week": friday,
        "end_of_next_week": friday + timedelta(days=7),
        "next_week": friday + timedelta(days=7),
        "end_of_month": month_end,
        "end_of_year": date(today.year, 12, 31),
    }
    return days.get(key, today), _OFFICE_CLOSES if key == "close_of_business" else None


def _after(base: datetime, count: int, hit: Hit, start: int) -> When:
    """The moment *count* units after the base."""
    if hit.key == "hour":
        moment = base + timedelta(hours=count)
        clock = moment.time().replace(second=0, microsecond=0)
        return When(start, hit.end, moment.date(), 0.85, clock, moment.tzinfo, relative=True)
    day = base.date()
    if hit.key == "working_day":
        for _ in range(count):
            day += timedelta(days=1)
            while day.weekday() >= _SATURDAY:
                day += timedelta(days=1)
    elif hit.key == "month":
        months = day.year * 12 + day.month - 1 + count
        year, month = divmod(months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        day = date(year, month + 1, min(day.day, last))
    else:
        day += timedelta(days=count * (7 if hit.key == "week" else 1))
    return When(start, hit.end, day, 0.8, relative=True)


def _with_weekday(when: When, weekdays: list[Hit]) -> When:
    """The date with the weekday beside it, which only names its day: Friday, December 3."""
    for hit in weekdays:
        if 0 <= when.start - hit.end <= 6:
            return replace(when, start=hit.start)
        if 0 <= hit.start - when.end <= 3:
            return replace(when, end=hit.end)
    return when


def _apart(found: list[When]) -> Iterator[When]:
    reached = -1
    for when in found:
        if when.start >= reached:
            reached = when.end
            yield when


def _with_office_hours(found: list[When]) -> Iterator[When]:
    """Close of business and the day that follows it, "COB Friday", as one."""
    closing: When | None = None
    for when in found:
        if closing is not None and when.start - closing.end <= _NEAR:
            when = replace(when, start=closing.start, clock=closing.clock)
            closing = None
        if closing is not None:
            yield closing
        closing = when if when.relative and when.clock == _OFFICE_CLOSES else None
        if closing is None:
            yield when
    if closing is not None:
        yield closing


def _timed(text: str, when: When) -> When:
    """The date with the time that stands after it or before it."""
    if when.clock is not None:
        return when
    found = _TIME_AFTER.match(text, when.end)
    clock = _clock(found) if found else None
    if found and clock:
        return replace(when, end=found.end(), clock=clock, zone=_zone(found["zone"]))
    found = _TIME_BEFORE.search(text, max(0, when.start - 24), when.start)
    clock = _clock(found) if found else None
    if found and clock:
        return replace(when, start=found.start(), clock=clock, zone=_zone(found["zone"]))
    return when


def _clock(found: re.Match[str]) -> time | None:
    """The time of day that was found; a bare number, or 17.30 without "Uhr", is none."""
    if found["named"]:
        return _END_OF_DAY if found["named"] in _MIDNIGHT else time(12)
    minute = int(found["minute"] or 0)
    hour = int(found["hour"])
    if not (found["half"] or found["uhr"] or found["colon"] == ":"):
        return None
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found["half"] == "p" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _zone(name: str | None) -> tzinfo | None:
    return timezone(timedelta(minutes=_ZONES[name])) if name else None


def _with_iso_time(text: str, when: When) -> When:
    found = _ISO_TIME.match(text, when.end)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        return when
    zone: tzinfo | None = None
    if found[3]:
        offset = found[3].replace(":", "")
        minutes = 0 if offset == "z" else int(offset[1:3]) * 60 + int(offset[3:5])
        if minutes < 24 * 60:
            zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
    return replace(when, end=found.end(), clock=time(int(found[1]), int(found[2])), zone=zone)
