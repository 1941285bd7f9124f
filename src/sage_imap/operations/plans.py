"""In which steps a fetch is carried out: how much is asked for at once, and in which order.

Of bodies the sizes are asked for first, so that a batch has a known weight; a portion ahead of the
bodies and not all at once, so that the first body does not wait for the size of the last.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sage_imap.models.message import MessageSet
from sage_imap.protocol.command import Command
from sage_imap.protocol.commands import fetch as fetch_command
from sage_imap.protocol.sets import UIDSet

__all__ = [
    "SECTION",
    "WHOLE",
    "Batch",
    "Bodies",
    "Bounds",
    "Large",
    "Metadata",
    "Plan",
    "Step",
    "weighs",
]

SECTION: Final = re.compile(
    r"(BODY|BINARY)(?:\.PEEK)?\[([^\]]*)\](?:<(\d+)\.(\d+)>)?", re.IGNORECASE
)
WHOLE: Final = re.compile(r"BODY(?:\.PEEK)?\[(?:TEXT)?\]", re.IGNORECASE)
_MIB: Final = 1024 * 1024
# UID, FLAGS, INTERNALDATE and RFC822.SIZE take 150 octets, an envelope 700, a structure 1,000.
_METADATA_OCTETS: Final = 2048
_HEADER_OCTETS: Final = 8192
_UID_OCTETS: Final = len("4294967295,")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much of a fetch is asked for at once; octets, unless a name says otherwise."""

    messages: int = 400
    """Messages in a batch, a count: beyond a hundred nothing is gained, and four hundred keep a
    batch of envelopes below a megabyte."""

    batches: int = 3
    """Batches in flight, a count: one is being read, one is on the way, one is being made."""

    batch: int = 4 * _MIB
    """A batch of bodies, unless one message alone is larger."""

    large: int = 64 * _MIB
    """Above this, a message is read in slices."""

    slice: int = 4 * _MIB
    """One slice."""

    largest: int = 256 * _MIB
    """Above this, a message is not read whole; its parts can be, by BODYSTRUCTURE."""

    line: int = 7000
    """A set of UIDs as text; RFC 7162 section 4 speaks of 8,192 octets a line."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One UID FETCH: what it asks for, of which messages, and about how many octets it brings."""

    command: Command
    uids: UIDSet | None  # None: the server alone knows them ("7:*")
    octets: int
    weighing: bool = False
    """Whether it asks for the sizes by which the plan goes on, and brings no rows."""


@dataclass(frozen=True, slots=True)
class Large:
    """A message that is read in slices."""

    uid: int
    size: int


Step = Batch | Large


class Plan(Protocol):
    """The steps of one fetch."""

    def step(self) -> Step | None:
        """The next; None at the end, and where it depends on sizes that are on their way."""

    def weigh(self, uid: int, size: int | None) -> None:
        """Take note that a message has *size* octets; None: the server does not say."""

    def weighed(self) -> None:
        """Take note that the batch of sizes is complete."""


class Metadata:
    """A plan for what has about the same weight for every message."""

    def __init__(
        self,
        message_set: MessageSet,
        asked: Sequence[str],
        changed_since: int | None,
        bounds: Bounds,
        *,
        weighing: bool = False,
    ) -> None:
        self._batches = _batches(message_set, asked, changed_since, bounds, weighing=weighing)

    def step(self) -> Batch | None:
        """The next batch."""
        return next(self._batches, None)

    def weigh(self, uid: int, size: int | None) -> None:
        """Nothing: this plan needs no sizes."""

    def weighed(self) -> None:
        """Nothing, either."""


class Bodies:
    """A plan for bodies: of the messages whose sizes were told, in the order of the telling.

    Where the caller knows the *sizes* of all of them, they are not asked for.
    """

    def __init__(
        self,
        message_set: MessageSet,
        asked: Sequence[str],
        changed_since: int | None,
        bounds: Bounds,
        sizes: Mapping[int, int],
    ) -> None:
        self._sizes: Metadata | None = Metadata(
            message_set, ["UID", "RFC822.SIZE"], changed_since, bounds, weighing=True
        )
        self._asked = asked
        self._bounds = bounds
        self._most = max(1, min(bounds.messages, bounds.line // _UID_OCTETS))
        self._sliced = any(WHOLE.fullmatch(item) for item in asked)
        self._coming: list[tuple[int, int | None]] = []
        self._known: deque[tuple[int, int | None]] = deque()
        self._octets = 0  # of what is known
        self._is_weighing = False
        # Which messages have changed since a mod-sequence, only the sizes tell.
        closed = changed_since is None and not message_set.is_open
        if closed and 0 < len(message_set.uids) <= len(sizes):
            known = [(uid, sizes[uid]) for uid in message_set.uids if uid in sizes]
            if len(known) == len(message_set.uids):
                self._sizes, self._coming = None, [*known]
                self.weighed()

    def step(self) -> Step | None:
        """The next sizes while few are known; then bodies, as long as there are any."""
        if self._sizes and not self._is_weighing and self._octets <= self._bounds.batch:
            sizes = self._sizes.step()
            if sizes is not None:
                self._is_weighing = True
                return sizes
        return self._bodies() if self._known else None

    def weigh(self, uid: int, size: int | None) -> None:
        """Take note of a size."""
        self._coming.append((uid, size))

    def weighed(self) -> None:
        """Take note that the messages whose sizes came can be asked for, and the next sizes."""
        self._is_weighing = False
        self._known += self._coming
        self._octets += sum(size or 0 for _uid, size in self._coming)
        self._coming.clear()

    def _bodies(self) -> Step:
        uid, size = self._pop()
        if self._is_special(size):
            return Large(uid, size or 0)
        uids, octets = [uid], (size or 0) + _METADATA_OCTETS
        while self._known and size is not None and len(uids) < self._most:
            uid, size = self._known[0]
            if size is None or self._is_special(size) or octets + size > self._bounds.batch:
                break
            self._pop()
            uids.append(uid)
            octets += size + _METADATA_OCTETS
        chosen = UIDSet.of(uids)
        return Batch(fetch_command(chosen, self._asked), chosen, octets)

    def _pop(self) -> tuple[int, int | None]:
        uid, size = self._known.popleft()
        self._octets -= size or 0
        return uid, size

    def _is_special(self, size: int | None) -> bool:
        """Whether the message is read in slices: it is large, or nobody knows how large."""
        return self._sliced and (size is None or size > self._bounds.large)


def weighs(item: str) -> int | None:
    """About how many octets an item has; None: as many as the message, at most."""
    section = SECTION.fullmatch(item)
    if section is None:
        return 0
    if section[4]:
        return int(section[4])
    name = section[2].upper()
    return _HEADER_OCTETS if "HEADER" in name or name.endswith("MIME") else None


def _batches(
    message_set: MessageSet,
    asked: Sequence[str],
    changed_since: int | None,
    bounds: Bounds,
    *,
    weighing: bool,
) -> Iterator[Batch]:
    if message_set.is_open:
        command = fetch_command(str(message_set), asked, changed_since=changed_since)
        yield Batch(command, None, 0, weighing)
        return
    weight = _METADATA_OCTETS + sum(weighs(item) or 0 for item in asked)
    most = max(1, min(bounds.messages, bounds.batch // weight))
    for part in message_set.uids.split(most_ids=most, most_bytes=bounds.line):
        command = fetch_command(part, asked, changed_since=changed_since)
        yield Batch(command, part, 0 if weighing else len(part) * weight, weighing)
