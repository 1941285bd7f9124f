"""Deadlines and requests."""

from __future__ import annotations

import pytest

from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, source


def _deadlines(text: str, subject: str = "Hello") -> list[str]:
    facts = EXTRACTOR.urgent(source(subject, text))
    return [fact.value.at.isoformat()[:16] for fact in facts.deadlines] if facts else []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Please answer by Friday 5 pm.", "2026-11-27T17:00"),
        ("Bitte antworten Sie bis Freitag 17 Uhr.", "2026-11-27T17:00"),
        ("The deadline for all papers is December 31st.", "2026-12-31T23:59"),
        ("Due date: 12/15/2026", "2026-12-15T23:59"),
        ("Reply within 24 hours, please.", "2026-11-24T10:00"),
        ("Zahlbar bis zum 31.12.2026 ohne Abzug.", "2026-12-31T23:59"),
        ("Abgabefrist ist der 15. Januar 2027.", "2027-01-15T23:59"),
        ("I need it by 5 pm.", "2026-11-23T17:00"),
        ("Comments are due to the office this Friday.", "2026-11-27T23:59"),
        ("Mind Sunday's midnight deadline!", "2026-11-29T23:59"),
        ("It is due by noon tomorrow.", "2026-11-24T12:00"),
        ("It ends in nine days: December 2.", "2026-12-02T23:59"),
        ("We need it by the end of the week.", "2026-11-27T23:59"),
        ("no later than tomorrow at 9:30 am", "2026-11-24T09:30"),
        ("Spätestens am Mittwoch, den 2. Dezember", "2026-12-02T23:59"),
    ],
)
def test_a_deadline_is_resolved(text: str, at: str) -> None:
    """Against the date and the zone of the mail itself."""
    assert _deadlines(text) == [at]


@pytest.mark.parametrize(
    "text",
    [
        "It was written by Ada in 1843.",
        "We met on Friday.",
        "The offer was valid until 3 March 2020.",
        "by the way, Friday was nice",
        "They won't vote until tomorrow at the earliest.",
        "I am at the airport before 2:00 pm.",
        "They missed the November 2 deadline.",
        "Bis bald!",
        "The deadline. Nothing happened until later. On Friday we met.",
    ],
)
def test_what_is_no_deadline(text: str) -> None:
    """Dates without a limit, limits without a date, and what is over."""
    assert _deadlines(text) == []


def test_a_subject_says_it_too() -> None:
    """The deadline of the subject comes first."""
    assert _deadlines("See you by Friday.", "Report due 24.11.") == [
        "2026-11-24T23:59",
        "2026-11-27T23:59",
    ]


def test_a_named_zone_counts() -> None:
    """5 pm EST is told as such."""
    facts = EXTRACTOR.urgent(source("Hello", "Please sign by December 1, 2026 5 pm EST."))

    assert facts is not None
    assert facts.deadlines[0].value.at.isoformat() == "2026-12-01T17:00:00-05:00"
    assert not facts.deadlines[0].value.all_day


def test_what_is_quoted_is_not_due() -> None:
    """A deadline of the mail that is answered was somebody else's."""
    text = "I agree.\n\nOn Friday, Kim wrote:\n> Please answer by Friday 5 pm.\n"

    assert EXTRACTOR.urgent(source("Re: Hello", text)) is None


def test_requests_are_sentences() -> None:
    """What is asked for, once each, without phrases of mere politeness."""
    text = (
        "Hello Ada,\n\nthe report is late. Could you send it to the office? Thanks.\n"
        "Please note that we are closed.\n[ ] Order new paper for the printer\n"
        "Bitte schicken Sie uns auch die Rechnung.\n"
    )
    facts = EXTRACTOR.urgent(source("Hello", text))

    assert facts is not None
    assert [fact.value for fact in facts.actions] == [
        "Could you send it to the office?",
        "Bitte schicken Sie uns auch die Rechnung.",
        "[ ] Order new paper for the printer",
    ]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Please reply within 24h.", "2026-11-24T10:00:00+01:00"),
        ("Please reply within 24 h.", "2026-11-24T10:00:00+01:00"),
        ("Bitte antworten Sie binnen 48std.", "2026-11-25T10:00:00+01:00"),
        ("Due date: 2027/01/05", "2027-01-05T23:59:00+01:00"),
    ],
)
def test_short_forms_of_time(text: str, at: str) -> None:
    """Units glued to their number, and the year first between slashes."""
    facts = EXTRACTOR.urgent(source("Hello", text))

    assert facts is not None
    assert [fact.value.at.isoformat() for fact in facts.deadlines] == [at]
