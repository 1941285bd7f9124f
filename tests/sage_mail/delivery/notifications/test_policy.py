"""What goes out now, what waits, and what was said before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from sage_mail.delivery.notifications.policy import Plan, Sent, key_of, plan
from sage_mail.delivery.notifications.settings import NotificationSettings
from sage_mail.records import DeliveryRecord, DeliveryStatus, EventRecord

_NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def _settings(**changes: Any) -> NotificationSettings:
    return NotificationSettings.model_validate(
        {"name": "phone", "channel": "push", "url": SecretStr("ntfy://h/t"), **changes}
    )


def _due(number: int, *, priority: str = "medium", age: float = 0, **data: Any) -> DeliveryRecord:
    facts = {"subject": f"mail {number}", "from": {"address": "ada@example.org"}, **data}
    event = EventRecord(
        seq=number,
        event_id=f"e{number}",
        type="message.new",
        account="work",
        mailbox="INBOX",
        message_id=number,
        occurred_at=_NOON - timedelta(seconds=age),
        data={"priority": priority, **facts},
    )
    return DeliveryRecord(
        id=number,
        event=event,
        endpoint="phone",
        webhook_id=f"w{number}",
        status=DeliveryStatus.PENDING,
        attempts=0,
        next_attempt_at=event.occurred_at,
        last_error=None,
    )


def _shape(made: Plan) -> tuple[list[list[int]], list[int], list[int]]:
    groups = [[each.id for each in group] for group in made.groups]
    return groups, [each.id for each in made.repeated], [each.id for each, _ in made.delayed]


def test_each_by_itself() -> None:
    """Without further wishes every message is told at once, in a text of its own."""
    made = plan([_due(1), _due(2)], _settings(), now=_NOON, sent=[])

    assert _shape(made) == ([[1], [2]], [], [])


def test_the_same_is_told_once() -> None:
    """Sender and subject within the window make it the same, in one turn and over several."""
    first, again, other = _due(1), _due(2, subject="MAIL 1"), _due(3)
    assert _shape(plan([first, again, other], _settings(), now=_NOON, sent=[])) == (
        [[1], [3]],
        [2],
        [],
    )
    sent = [Sent(_NOON - timedelta(seconds=200), frozenset({key_of(first.event)}))]
    assert _shape(plan([again], _settings(), now=_NOON, sent=sent))[1] == [2]
    assert _shape(plan([again], _settings(once_within=100), now=_NOON, sent=sent))[0] == [[2]]
    assert _shape(plan([again], _settings(once_within=0), now=_NOON, sent=sent))[0] == [[2]]


def test_what_failed_and_what_is_asked_for() -> None:
    """Of a message that failed the like may have been told since; a replay is told all the same."""
    failed = replace(_due(1), attempts=1)
    replayed = replace(_due(2, subject="mail 1"), attempts=1, earlier_attempts=1)
    sent = [Sent(_NOON, frozenset({key_of(failed.event)}))]
    made = plan([failed, replayed], _settings(), now=_NOON, sent=sent)

    assert _shape(made) == ([[2]], [1], [])


@pytest.mark.parametrize(
    ("quiet", "zone", "until"),
    [
        ("11:00-13:30", "UTC", _NOON + timedelta(hours=1.5)),
        ("12:00-13:00", "UTC", _NOON + timedelta(hours=1)),
        ("11:00-12:00", "UTC", None),
        ("20:00-14:00", "UTC", _NOON + timedelta(hours=2)),
        ("11:00-09:00", "UTC", _NOON + timedelta(hours=21)),
        ("21:00-07:00", "Asia/Tokyo", _NOON + timedelta(hours=10)),
        ("22:00-07:00", "Asia/Tokyo", None),
    ],
)
def test_quiet_hours(quiet: str, zone: str, until: datetime | None) -> None:
    """What can wait waits until they end, also over midnight; what is urgent does not."""
    settings = _settings(quiet=quiet, timezone=zone)

    made = plan([_due(1), _due(2, priority="high")], settings, now=_NOON, sent=[])

    assert [2] in [[each.id for each in group] for group in made.groups]
    assert [moment for _, moment in made.delayed] == ([] if until is None else [until])


def test_a_digest() -> None:
    """What comes between two digests, at whatever moment, is told by the second of them."""
    settings = _settings(digest=3600, timezone="UTC")
    first, second = _due(1, age=-300), _due(2, age=-3000)
    urgent = _due(3, age=-3000, priority="high")
    waiting = plan([first, urgent], settings, now=_NOON + timedelta(seconds=3000), sent=[])
    later = plan([second], settings, now=_NOON + timedelta(seconds=3000), sent=[])
    told = plan([first, second], settings, now=_NOON + timedelta(hours=1), sent=[])

    assert _shape(waiting) == ([[3]], [], [1])
    assert _shape(later) == ([], [], [2])
    assert {moment for _, moment in waiting.delayed + later.delayed} == {_NOON + timedelta(hours=1)}
    assert _shape(told) == ([[1, 2]], [], [])


def test_a_digest_by_the_wall_clock() -> None:
    """One a day goes out at midnight where the reader lives."""
    settings = _settings(digest=86_400, timezone="Asia/Tokyo")
    made = plan([_due(1)], settings, now=_NOON, sent=[])

    assert [moment for _, moment in made.delayed] == [_NOON + timedelta(hours=3)]


def test_what_was_held_back_is_told_together() -> None:
    """After the quiet hours there is one text of the night, and the newest by itself."""
    settings = _settings(quiet="09:00-12:00", timezone="UTC")
    night = [replace(_due(n, age=3600), next_attempt_at=_NOON) for n in (1, 2, 3)]
    made = plan([*night, _due(4)], settings, now=_NOON, sent=[])

    assert _shape(made) == ([[1, 2, 3], [4]], [], [])


def test_too_much_becomes_one_text() -> None:
    """The last text that may go out this hour takes along all the others."""
    due = [_due(number) for number in range(1, 6)]
    sent = [Sent(_NOON - timedelta(minutes=59), frozenset()), Sent(_NOON, frozenset())]

    assert _shape(plan(due, _settings(most_per_hour=4), now=_NOON, sent=sent))[0] == [
        [1],
        [2, 3, 4, 5],
    ]
    full = plan(due, _settings(most_per_hour=2), now=_NOON, sent=sent)
    assert _shape(full) == ([], [], [1, 2, 3, 4, 5])
    assert {moment for _, moment in full.delayed} == {_NOON + timedelta(minutes=1)}


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        ("22:00-07:00", datetime(2026, 3, 28, 22, 0), datetime(2026, 3, 29, 5, 0)),
        ("22:00-07:00", datetime(2026, 10, 24, 21, 0), datetime(2026, 10, 25, 6, 0)),
        ("22:00-02:30", datetime(2026, 10, 25, 0, 10), datetime(2026, 10, 25, 0, 30)),
        ("22:00-02:30", datetime(2026, 10, 25, 1, 10), datetime(2026, 10, 25, 1, 30)),
    ],
)
@pytest.mark.usefixtures("_in_berlin")
def test_the_night_in_which_the_clocks_change(
    zone: str | None, quiet: str, now: datetime, until: datetime
) -> None:
    """Quiet hours end when the clocks say so, whether the time zone is set or this machine's."""
    settings = _settings(quiet=quiet, timezone=zone)
    now, until = now.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
    made = plan([_due(1)], settings, now=now, sent=[])

    assert [moment for _, moment in made.delayed] == [until]


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.usefixtures("_in_berlin")
def test_a_digest_on_the_day_on_which_the_clocks_change(zone: str | None) -> None:
    """It counts from midnight, which was in winter time, when it is summer time already."""
    settings = _settings(digest=7200, timezone=zone)
    evening = datetime(2026, 3, 29, 12, 30, tzinfo=UTC)
    due = _due(1)
    due = replace(due, event=replace(due.event, occurred_at=evening))
    made = plan([due], settings, now=evening, sent=[])

    assert [moment for _, moment in made.delayed] == [datetime(2026, 3, 29, 13, 0, tzinfo=UTC)]


@pytest.mark.parametrize("quiet", ["07:00-07:00", "7:00-07:00"])
def test_quiet_hours_without_an_hour(quiet: str) -> None:
    """A span that ends when it begins may mean never or always, so it is refused."""
    with pytest.raises(ValidationError, match="ends when it begins"):
        _settings(quiet=quiet)
