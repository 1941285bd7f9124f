"""What a look at a mailbox means: which messages are new, gone or changed, and in what portions.

Pure: the caller has asked the server and the database, these functions compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from typing import TYPE_CHECKING

from sage_imap.operations.session import MOST_NEWS
from sage_imap.protocol.events import (
    Event,
    ExistsReceived,
    ExpungeReceived,
    FetchReceived,
    VanishedReceived,
)

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "Doubt",
    "FlagChange",
    "Gone",
    "Sized",
    "batches",
    "changed_flags",
    "compare_locations",
    "doubts",
    "lasting",
    "new_uids",
    "nothing_vanished",
]

# Enough for a commit to be shared by many messages, few enough that the first of a long backlog
# is announced soon and that a batch, raw and parsed, stays far below 100 MB.
MOST_MESSAGES = 100
MOST_OCTETS = 8 * 1024 * 1024

# \Recent belongs to a session, not to a message (RFC 9051 section 2.3.2 has dropped it).
_SESSION_FLAGS = frozenset({"\\recent"})


class Doubt(Flag):
    """In what a mailbox may differ from what is stored of it."""

    ARRIVALS = auto()
    DEPARTURES = auto()
    FLAGS = auto()

    @classmethod
    def of_nothing(cls) -> Doubt:
        """All is known to be in step."""
        return cls(0)

    @classmethod
    def of_all(cls) -> Doubt:
        """Nothing is known to be in step."""
        return cls.ARRIVALS | cls.DEPARTURES | cls.FLAGS


@dataclass(frozen=True, slots=True)
class Sized:
    """A message that is to be fetched, with its RFC822.SIZE in octets."""

    uid: int
    size: int


@dataclass(frozen=True, slots=True)
class Gone:
    """What a full list of a mailbox's UIDs says about the messages that were known in it."""

    vanished: tuple[int, ...]
    returned: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FlagChange:
    """Flags as they are now, and what of them is a change worth announcing."""

    uid: int
    flags: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]


def doubts(news: Sequence[Event]) -> Doubt:
    """What these news of a session leave in doubt, of a mailbox that was in step before them.

    Numbers of messages would prove less: they are the same again after an arrival and a departure.
    But within a session no message leaves without a response that says so (RFC 9051 section 7.5.1,
    RFC 7162 section 3.2.10.2), so that EXISTS tells of arrivals only. Changed flags come as FETCH;
    section 5.2 of RFC 9051 says SHOULD, and what a server keeps to itself is found by the next
    comparison of the whole. Any other response, or one that could not be understood, may mean
    anything, and so may those that were dropped because nobody took them in time.
    """
    if len(news) >= MOST_NEWS:
        return Doubt.of_all()
    found = Doubt.of_nothing()
    for event in news:
        if isinstance(event, ExistsReceived):
            found |= Doubt.ARRIVALS
        elif isinstance(event, FetchReceived):
            found |= Doubt.FLAGS
        elif isinstance(event, ExpungeReceived | VanishedReceived):
            found |= Doubt.DEPARTURES
        else:
            return Doubt.of_all()
    return found


def new_uids(found: Iterable[int], cursor: int, known: Collection[int]) -> list[int]:
    """The UIDs above the cursor that nothing is known of yet, ascending.

    ``UID SEARCH UID n:*`` also answers with the last message where it lies below n, because
    ``n:*`` and ``*:n`` are the same (RFC 9051 section 9, seq-range); hence the comparison here.
    """
    return sorted({uid for uid in found if uid > cursor and uid not in known})


def batches(
    messages: Sequence[Sized], *, most: int = MOST_MESSAGES, octets: int = MOST_OCTETS
) -> Iterator[list[Sized]]:
    """The messages in order, in portions of at most *most* messages and about *octets* octets.

    A message that is larger than *octets* is a portion of its own.
    """
    portion: list[Sized] = []
    total = 0
    for message in messages:
        if portion and (len(portion) >= most or total + message.size > octets):
            yield portion
            portion, total = [], 0
        portion.append(message)
        total += message.size
    if portion:
        yield portion


def nothing_vanished(*, exists: int, present: int, unstored: int) -> bool:
    """True if the counts alone prove that no known message has left the mailbox.

    To be asked when every UID on the server is either *present* in the database or *unstored* (a
    dead letter). All that is on the server is known then, so equal numbers mean equal sets.
    """
    return exists == present + unstored


def compare_locations(
    present: Collection[int], missing: Collection[int], server: Collection[int]
) -> Gone:
    """Compare what is known of a mailbox with the list of its UIDs.

    *present* must have been read before the server was asked, or a message that arrived in between
    would seem to have vanished.
    """
    return Gone(
        vanished=tuple(sorted(uid for uid in present if uid not in server)),
        returned=tuple(sorted(uid for uid in missing if uid in server)),
    )


def lasting(flags: Iterable[str]) -> tuple[str, ...]:
    """The flags without those that belong to a session and not to the message."""
    return tuple(flag for flag in flags if flag.lower() not in _SESSION_FLAGS)


def changed_flags(
    known: Mapping[int, Collection[str]],
    server: Mapping[int, Collection[str]],
    ours: Mapping[int, Collection[str]],
) -> list[FlagChange]:
    """The messages whose flags differ from those known.

    *ours* are flags that we are about to set or have just set: they are taken over without being
    announced, for nobody needs to be told what he has asked for. Flags are compared without case,
    as servers do.
    """
    changes = []
    for uid in sorted(known.keys() & server.keys()):
        before = {flag.lower(): flag for flag in known[uid]}
        now = {flag.lower(): flag for flag in lasting(server[uid])}
        if before.keys() == now.keys():
            continue
        quiet = {flag.lower() for flag in ours.get(uid, ())}
        added = sorted(now[key] for key in now.keys() - before.keys() - quiet)
        removed = sorted(before[key] for key in before.keys() - now.keys())
        changes.append(FlagChange(uid, tuple(sorted(now.values())), tuple(added), tuple(removed)))
    return changes
