"""Telling a message that has moved from one that is new.

IMAP gives a moved message a new UID in its new mailbox, so what arrives there looks new. It is not,
if a message with the same fingerprint is known elsewhere in the account and is no longer there. A
message that is still there has been copied, and its copy is a message of its own.

Pure, in two steps: `doubtful` says about which known messages the server must be asked, `classify`
decides with the answer. Messages of one mailbox never replace each other: two byte-identical ones
that were appended to one mailbox are two messages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Arrival", "Candidate", "New", "Relocated", "classify", "doubtful"]

Origin = Literal["sage", "user"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message at a UID of which nothing is known."""

    uid: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known message of the account, as the database has it.

    ``uid`` is None while the place that a MOVE of ours gave it is not known. ``planned_here`` says
    that a move of ours to the mailbox in question is in the journal and not settled.
    """

    message_id: int
    fingerprint: str
    mailbox: str
    uidvalidity: int | None
    uid: int | None
    state: Literal["present", "missing", "deleted"]
    size: int = 0
    planned_here: bool = False


@dataclass(frozen=True, slots=True)
class New:
    """The message has never been seen."""

    uid: int


@dataclass(frozen=True, slots=True)
class Relocated:
    """The message is a known one, which somebody has moved here."""

    uid: int
    candidate: Candidate
    by: Origin


def doubtful(
    arrivals: Iterable[Arrival], candidates: Iterable[Candidate], mailbox: str
) -> list[Candidate]:
    """The candidates that are believed to be elsewhere, which the server must confirm."""
    wanted = {arrival.fingerprint for arrival in arrivals}
    return [
        candidate
        for candidate in candidates
        if candidate.fingerprint in wanted
        and candidate.mailbox != mailbox
        and candidate.state == "present"
        and candidate.uid is not None
    ]


def classify(
    arrivals: Iterable[Arrival],
    candidates: Sequence[Candidate],
    gone: Collection[int],
    mailbox: str,
) -> list[New | Relocated]:
    """What each arrival is, in the order of their UIDs; no candidate is used twice.

    ``gone`` are the ``message_id`` of those `doubtful` candidates that the server no longer has
    where they were.
    """
    choices: dict[str, list[tuple[int, Candidate]]] = defaultdict(list)
    for candidate in candidates:
        rank = _rank(candidate, gone, mailbox)
        if rank is not None:
            choices[candidate.fingerprint].append((rank, candidate))
    for ranked in choices.values():
        # The best last, for pop(); the oldest of equals first, as a mailbox keeps its order.
        ranked.sort(key=lambda choice: (choice[0], choice[1].message_id), reverse=True)
    outcomes: list[New | Relocated] = []
    for arrival in sorted(arrivals, key=lambda arrival: arrival.uid):
        ranked = choices.get(arrival.fingerprint, [])
        if not ranked:
            outcomes.append(New(arrival.uid))
            continue
        _, candidate = ranked.pop()
        by: Origin = "sage" if candidate.planned_here else "user"
        outcomes.append(Relocated(arrival.uid, candidate, by))
    return outcomes


def _rank(candidate: Candidate, gone: Collection[int], mailbox: str) -> int | None:
    """How well the candidate would explain an arrival, 0 best; None where it cannot."""
    if candidate.uid is None and candidate.state == "present":
        return 0 if candidate.planned_here or candidate.mailbox == mailbox else None
    if candidate.mailbox == mailbox:
        return None
    absent = candidate.state == "missing" or candidate.message_id in gone
    if absent:
        return 1 if candidate.planned_here else 2
    return 3 if candidate.state == "deleted" else None
