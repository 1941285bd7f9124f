"""Which of the notifications that are due go out now, which wait, and which were said already.

Pure: what time it is and what was sent before are arguments. Nothing is lost: what may not go out
now is put off, and what would be too much is said in one text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from sage_mail.records import DeliveryRecord, EventRecord

if TYPE_CHECKING:
    from sage_mail.delivery.notifications.settings import NotificationSettings

__all__ = ["Plan", "Sent", "key_of", "keys_told", "plan"]

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Sent:
    """One text that went out, when, and the keys of the messages in it."""

    at: datetime
    keys: frozenset[str]


@dataclass(slots=True)
class Plan:
    """What to do with the deliveries: groups to send, each in one text; delays; repeats.

    A repeat is over as soon as what it repeats was told; until then it waits.
    """

    groups: list[list[DeliveryRecord]] = field(default_factory=list)
    repeated: list[DeliveryRecord] = field(default_factory=list)
    delayed: list[tuple[DeliveryRecord, datetime]] = field(default_factory=list)


def key_of(event: EventRecord) -> str:
    """What two messages have in common that are one and the same to a reader."""
    sender = (event.data.get("from") or {}).get("address", "")
    return f"{event.account}\n{sender}\n{event.data.get('subject') or ''}".casefold()


def keys_told(settings: NotificationSettings, *, now: datetime, sent: Sequence[Sent]) -> set[str]:
    """The keys of the messages that were told so lately that they are not to be told again."""
    since = now - timedelta(seconds=settings.once_within)
    return {key for each in sent if each.at > since for key in each.keys}


def plan(
    due: Sequence[DeliveryRecord],
    settings: NotificationSettings,
    *,
    now: datetime,
    sent: Sequence[Sent],
) -> Plan:
    """What becomes of the deliveries that are due, the oldest first."""
    made = Plan()
    fresh = _without_repeats(due, settings, now, sent, made)
    at_once = [each for each in fresh if each.event.data.get("priority") in settings.at_once]
    patient = [each for each in fresh if each not in at_once]
    quiet_until = _quiet_until(settings, now)
    if patient and quiet_until is not None:
        made.delayed += [(each, quiet_until) for each in patient]
    elif patient and settings.digest:
        _digest(patient, settings, now, made)
    else:
        # What has piled up is told together: nobody wants forty texts at seven in the morning.
        if held := [each for each in patient if _was_held(each)]:
            made.groups.append(held)
        at_once += [each for each in patient if each not in held]
    at_once.sort(key=lambda each: each.event.seq)
    made.groups += [[each] for each in at_once]
    _thin_out(made, settings, now, sent)
    return made


def _without_repeats(
    due: Sequence[DeliveryRecord],
    settings: NotificationSettings,
    now: datetime,
    sent: Sequence[Sent],
    made: Plan,
) -> list[DeliveryRecord]:
    said = keys_told(settings, now=now, sent=sent)
    fresh = []
    for delivery in due:
        key = key_of(delivery.event)
        # One that a person has asked for once more is told once more.
        if settings.once_within and key in said and not delivery.earlier_attempts:
            made.repeated.append(delivery)
        else:
            fresh.append(delivery)
            said.add(key)
    return fresh


def _digest(
    patient: list[DeliveryRecord], settings: NotificationSettings, now: datetime, made: Plan
) -> None:
    together = []
    for delivery in patient:
        release = _release(delivery.event.occurred_at, settings)
        if now < release:
            made.delayed.append((delivery, release))
        else:
            together.append(delivery)
    if together:
        made.groups.append(together)


def _release(moment: datetime, settings: NotificationSettings) -> datetime:
    """When the digest goes out that takes along what has come at the moment.

    Counted from midnight, so that it is the same for all that come in between, over a restart too.
    """
    midnight = _moment(datetime.combine(_wall_clock(moment, settings), time()), settings)
    span = timedelta(seconds=settings.digest)
    return midnight + ((moment - midnight) // span + 1) * span


def _was_held(delivery: DeliveryRecord) -> bool:
    """Whether it has waited: for the end of the quiet hours, for room, or to be tried again."""
    due = delivery.next_attempt_at
    return due is not None and due > delivery.event.occurred_at


def _thin_out(
    made: Plan, settings: NotificationSettings, now: datetime, sent: Sequence[Sent]
) -> None:
    """Keep to the most texts an hour: the last one that may go out takes along all the others."""
    lately = sorted(each.at for each in sent if each.at > now - _HOUR)
    room = settings.most_per_hour - len(lately)
    if len(made.groups) <= room:
        return
    if room > 0:
        surplus = [each for group in made.groups[room - 1 :] for each in group]
        made.groups[room - 1 :] = [surplus]
        return
    free = lately[-settings.most_per_hour] + _HOUR
    made.delayed += [(each, free) for group in made.groups for each in group]
    made.groups.clear()


def _quiet_until(settings: NotificationSettings, now: datetime) -> datetime | None:
    """When the quiet hours end that are now; None where it is not quiet."""
    hours = settings.quiet_hours
    if hours is None:
        return None
    local = _wall_clock(now, settings)
    begin, end = hours
    clock = local.time()
    within = begin <= clock < end if begin <= end else clock >= begin or clock < end
    if not within:
        return None
    day = local.date() if clock < end else local.date() + timedelta(days=1)
    # By the wall clock, so that the night in which the clocks change is as long as it is.
    over = _moment(datetime.combine(day, end), settings)
    # An hour that comes twice ends with its second time, if the first is over.
    return over if over > now else _moment(datetime.combine(day, end.replace(fold=1)), settings)


def _wall_clock(moment: datetime, settings: NotificationSettings) -> datetime:
    """What the clocks say in the time zone of the settings, or in that of this machine."""
    zone = None if settings.timezone is None else ZoneInfo(settings.timezone)
    return moment.astimezone(zone).replace(tzinfo=None)


def _moment(wall_clock: datetime, settings: NotificationSettings) -> datetime:
    """When the clocks say so, with the summer time of that day rather than of today."""
    zone = None if settings.timezone is None else ZoneInfo(settings.timezone)
    return wall_clock.replace(tzinfo=zone).astimezone(UTC)
