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
    "Told",
    "batches",
    "changed_flags",
    "compare_locations",
    "lasting",
    "new_uids",
    "nothing_vanished",
    "told",
    "unlisted",
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
class Told:
    """What news leave in doubt, the number of messages after them, and whether one has come."""

    doubt: Doubt
    exists: int
    more: bool


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


def told(news: Sequence[Event], exists: int) -> Told:
    """What these news of a session tell of a mailbox that was in step with *exists* messages.

    Numbers of messages prove little: they are the same again after an arrival and a departure. But
    within a session no message leaves without a response that says so (RFC 9051 section 7.5.1,
    RFC 7162 section 3.2.10.2), so that EXISTS tells of arrivals only, unless it tells of fewer.
    Changed flags come as FETCH; section 5.2 of RFC 9051 says SHOULD, and what a server keeps to
    itself is found by the next comparison of the whole. Any other response, or one that could not
    be understood, may mean anything, and so may those that were dropped because nobody took them in
    time.
    """
    doubt = Doubt.of_all() if len(news) >= MOST_NEWS else Doubt.of_nothing()
    more = False
    for event in news:
        if isinstance(event, ExistsReceived):
            doubt |= Doubt.ARRIVALS
            if event.count < exists:
                doubt |= Doubt.DEPARTURES
            more |= event.count > exists
            exists = event.count
        elif isinstance(event, FetchReceived):
            doubt |= Doubt.FLAGS
        elif isinstance(event, ExpungeReceived | VanishedReceived):
            doubt |= Doubt.DEPARTURES
            exists -= _removed(event)
        else:
            doubt = Doubt.of_all()
    return Told(doubt, exists, more=more)


def _removed(event: ExpungeReceived | VanishedReceived) -> int:
    if isinstance(event, ExpungeReceived):
        return 1
    return 0 if event.earlier else len(event.uids)


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

    To be asked when it is certain that every UID on the server is either *present* in the database
    or *unstored* (a dead letter), so that equal numbers mean equal sets. What was never listed, or
    has come and is not taken in yet, would hide as many that have left.
    """
    return exists == present + unstored


def unlisted(server: Iterable[int], known: Collection[int], cursor: int) -> bool:
    """True if the server has a message up to the cursor of which nothing is known.

    What lies above the cursor is to be taken in, whatever is known of it.
    """
    return any(uid <= cursor and uid not in known for uid in server)


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
