"""Telling a message that has moved from one that is new.

IMAP gives a moved message a new UID in its new mailbox, so what arrives there looks new. It is not,
if a message with the same fingerprint is known elsewhere in the account and is no longer there. A
message that is still there has been copied, and its copy is a message of its own.

Pure, in two steps: `doubtful` says about which known messages the server must be asked, `classify`
decides with the answer. Fingerprints may be equal by accident (a script's mails without a date, of
equal size), so where the octets of both are known they must be equal, too. Messages of one mailbox
replace each other only if INTERNALDATE says that the one has come back, for two byte-identical ones
that were appended to one mailbox are two messages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = ["Arrival", "Candidate", "New", "Relocated", "classify", "doubtful"]

Origin = Literal["sage", "user"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message at a UID of which nothing is known.

    ``content_hash`` is the SHA-256 of its octets, empty where only its header is at hand.
    """

    uid: int
    fingerprint: str
    content_hash: str = ""
    internal_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known message of the account, as the database has it.

    ``uid`` is None while the place that a MOVE of ours gave it is not known. ``planned_here`` says
    that a move of ours to the mailbox in question is in the journal and not settled.
    ``content_hash`` is empty where its octets were never fetched.
    """

    message_id: int
    fingerprint: str
    mailbox: str
    uidvalidity: int | None
    uid: int | None
    state: Literal["present", "missing", "deleted"]
    size: int = 0
    planned_here: bool = False
    content_hash: str = ""
    internal_date: datetime | None = None


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
    wanted: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        wanted[arrival.fingerprint].append(arrival)
    return [
        candidate
        for candidate in candidates
        if candidate.mailbox != mailbox
        and candidate.state == "present"
        and candidate.uid is not None
        and any(
            _same(arrival, candidate, mailbox) for arrival in wanted.get(candidate.fingerprint, ())
        )
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
        source = _taken(choices.get(arrival.fingerprint, []), arrival, mailbox)
        if source is None:
            outcomes.append(New(arrival.uid))
            continue
        by: Origin = "sage" if source.planned_here else "user"
        outcomes.append(Relocated(arrival.uid, source, by))
    return outcomes


def _taken(ranked: list[tuple[int, Candidate]], arrival: Arrival, mailbox: str) -> Candidate | None:
    """The best candidate that the arrival can be, taken out of the list."""
    for index in reversed(range(len(ranked))):
        if _same(arrival, ranked[index][1], mailbox):
            return ranked.pop(index)[1]
    return None


def _same(arrival: Arrival, candidate: Candidate, mailbox: str) -> bool:
    """True if the two, whose fingerprints are equal, can be one message."""
    known = arrival.content_hash and candidate.content_hash
    if known and arrival.content_hash != candidate.content_hash:
        return False
    if candidate.mailbox != mailbox or candidate.state == "present":
        return True
    # It was here and comes back: out of a trash that nobody watches, or with a reset. MOVE and
    # COPY keep INTERNALDATE, and a second delivery has one of its own.
    return arrival.internal_date is not None and arrival.internal_date == candidate.internal_date


def _rank(candidate: Candidate, gone: Collection[int], mailbox: str) -> int | None:
    """How well the candidate would explain an arrival, 0 best; None where it cannot."""
    if candidate.uid is None and candidate.state == "present":
        return 0 if candidate.planned_here or candidate.mailbox == mailbox else None
    if candidate.mailbox == mailbox and candidate.state == "present":
        return None
    if candidate.state == "missing" or candidate.message_id in gone:
        return 1 if candidate.planned_here else 2
    return 3 if candidate.state == "deleted" else None
