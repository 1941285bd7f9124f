"""FETCH in batches: several in flight, bounded by count and by octets.

Sizes are asked for before bodies, so that a batch of bodies has a known weight. A message that is
larger than `LARGE` is read in slices (RFC 9051 section 6.4.5, partial), so that no literal larger
than one slice is ever asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sage_imap.errors import LimitExceeded
from sage_imap.models.message import MessageSet
from sage_imap.models.results import FetchRow
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Session
from sage_imap.operations.streams import Batch, FetchStream, Large
from sage_imap.protocol.commands import fetch as fetch_command
from sage_imap.protocol.events import ParseFailure
from sage_imap.protocol.rejection import rejection
from sage_imap.protocol.sets import UIDSet

__all__ = ["fetch", "next_rows", "open_stream"]

# Beyond a hundred messages a command nothing is gained; four hundred keep a batch of envelopes
# below a megabyte.
MOST_MESSAGES: Final = 400
MOST_BATCHES: Final = 3
BATCH_OCTETS: Final = 4 * 1024 * 1024
LARGE: Final = 64 * 1024 * 1024
SLICE: Final = 4 * 1024 * 1024
# RFC 7162 section 4 and RFC 9051 section 4 speak of 8,192 octets a line.
# Beyond this, the parts of a message are to be fetched by BODYSTRUCTURE, one at a time.
LARGEST: Final = 256 * 1024 * 1024
MOST_LINE: Final = 7000
METADATA_OCTETS: Final = 2048

_SECTION: Final = re.compile(
    r"(BODY|BINARY)(?:\.PEEK)?(\[[^\]]*\])(?:<(\d+)\.\d+>)?", re.IGNORECASE
)
_WHOLE: Final = re.compile(r"BODY(?:\.PEEK)?\[(?:TEXT)?\]", re.IGNORECASE)
_OLD_NAMES: Final = {
    "RFC822": "BODY.PEEK[]",
    "RFC822.HEADER": "BODY.PEEK[HEADER]",
    "RFC822.TEXT": "BODY.PEEK[TEXT]",
}


def fetch(
    session: Session,
    message_set: MessageSet,
    items: Iterable[str],
    *,
    changed_since: int | None = None,
) -> Operation[list[FetchRow | ParseFailure]]:
    """All rows at once; for what fits into memory."""
    stream = yield from open_stream(session, message_set, items, changed_since=changed_since)
    rows: list[FetchRow | ParseFailure] = []
    while (more := (yield from next_rows(session, stream))) is not None:
        rows += more
    return rows


def open_stream(
    session: Session,
    message_set: MessageSet,
    items: Iterable[str],
    *,
    changed_since: int | None = None,
) -> Operation[FetchStream]:
    """A stream over *message_set*; of bodies, the sizes are asked for at once."""
    session.uids_for(message_set, "FETCH")
    asked = _asked(items)
    mailbox = session.mailbox
    assert mailbox is not None
    plan: Iterator[Batch | Large]
    if not message_set:
        plan = iter(())
    elif any(_WHOLE.fullmatch(item) for item in asked):
        sizes = yield from _sizes(session, message_set, changed_since)
        plan = _plan_bodies(sizes, asked)
    else:
        plan = _plan_metadata(message_set, asked, changed_since)
    return FetchStream(
        plan,
        frozenset(map(_key, asked)),
        mailbox=mailbox.name,
        uidvalidity=mailbox.uidvalidity,
        items=tuple(asked),
    )


def next_rows(
    session: Session, stream: FetchStream
) -> Operation[list[FetchRow | ParseFailure] | None]:
    """At least one row more, or None at the end. Raises `CommandRejected` behind the last row."""
    while not stream.rows:
        yield from _fill(session, stream)
        if stream.in_flight:
            yield from session.expect()
        elif stream.exhausted and not stream.rows:
            if stream.failure is not None:
                raise rejection(stream.failure)
            return None
    rows = list(stream.rows)
    stream.rows.clear()
    if not stream.exhausted:
        # Ask for more before the caller turns to these rows: the network is never idle meanwhile.
        yield from _fill(session, stream)
        yield from session.flush()
    return rows


def _fill(session: Session, stream: FetchStream) -> Operation[None]:
    """Send batches while there is room for them."""
    if session.streams and session.streams[0] is not stream:
        yield from session.settle()
    while not stream.exhausted and _has_room(stream):
        step = next(stream.plan, None)
        if step is None:
            stream.exhausted = True
        elif isinstance(step, Large):
            yield from session.settle()
            stream.rows.append((yield from _in_slices(session, step, stream.items)))
            return
        else:
            stream.sent(session.connection.send(step.command), step)
            if stream.in_flight == 1:
                session.streams.append(stream)


def _has_room(stream: FetchStream) -> bool:
    if not stream.in_flight:
        return not stream.rows
    return (
        stream.in_flight < MOST_BATCHES
        and stream.octets_in_flight < (MOST_BATCHES - 1) * BATCH_OCTETS
    )


def _asked(items: Iterable[str]) -> list[str]:
    """The items to ask for: UID always, bodies with PEEK."""
    names = [_OLD_NAMES.get(str(item).upper(), str(item)) for item in items]
    names = [re.sub(r"(?i)^(BODY|BINARY)\[", r"\1.PEEK[", name) for name in names]
    return list(dict.fromkeys(["UID", *names]))


def _key(item: str) -> str:
    """The name under which an item comes back."""
    section = _SECTION.fullmatch(item)
    if section is None:
        return item.upper()
    origin = f"<{section[3]}>" if section[3] else ""
    return f"{section[1]}{section[2]}{origin}".upper()


def _sizes(
    session: Session, message_set: MessageSet, changed_since: int | None
) -> Operation[list[FetchRow | ParseFailure]]:
    return (yield from fetch(session, message_set, ["RFC822.SIZE"], changed_since=changed_since))


def _plan_metadata(
    message_set: MessageSet, asked: Sequence[str], changed_since: int | None
) -> Iterator[Batch]:
    if message_set.is_open:
        yield Batch(fetch_command(str(message_set), asked, changed_since=changed_since), None, 0)
        return
    for part in message_set.uids.split(most_ids=MOST_MESSAGES, most_bytes=MOST_LINE):
        command = fetch_command(part, asked, changed_since=changed_since)
        yield Batch(command, part, len(part) * METADATA_OCTETS)


def _plan_bodies(
    sizes: Sequence[FetchRow | ParseFailure], asked: Sequence[str]
) -> Iterator[Batch | Large]:
    uids: list[int] = []
    octets = 0
    for row in sizes:
        if isinstance(row, ParseFailure):
            continue  # without a size there is no telling; the caller misses the UID and asks again
        size = row.size or 0
        if uids and (octets + size > BATCH_OCTETS or len(uids) >= MOST_MESSAGES):
            yield _batch(uids, octets, asked)
            uids, octets = [], 0
        if size > LARGE:
            yield Large(row.uid, size)
        else:
            uids.append(row.uid)
            octets += size + METADATA_OCTETS
    if uids:
        yield _batch(uids, octets, asked)


def _batch(uids: list[int], octets: int, asked: Sequence[str]) -> Batch:
    chosen = UIDSet.of(uids)
    return Batch(fetch_command(chosen, asked), chosen, octets)


def _in_slices(
    session: Session, large: Large, asked: Sequence[str]
) -> Operation[FetchRow | ParseFailure]:
    """One large message, read slice by slice into one row."""
    if large.size > LARGEST:
        reason = f"the message has {large.size} octets, more than the {LARGEST} that are accepted"
        return ParseFailure(reason, b"", uid=large.uid, response="FETCH")
    small = [item for item in asked if not _WHOLE.fullmatch(item)]
    whole = [item for item in asked if _WHOLE.fullmatch(item)]
    one = MessageSet.from_uids([large.uid])
    first = yield from fetch(session, one, small)
    if not first or isinstance(first[0], ParseFailure):
        return first[0] if first else ParseFailure("the message is gone", b"", uid=large.uid)
    row = first[0]
    for item in whole:
        row.sections[_key(item)[5:-1]] = yield from _read_section(session, one, item, large.size)
    return row


def _read_section(
    session: Session, one: MessageSet, item: str, size: int
) -> Operation[bytes | None]:
    parts: list[bytes] = []
    read = 0
    section = _key(item)[5:-1]
    while True:
        sliced = f"{item}<{read}.{SLICE}>"
        rows = yield from fetch(session, one, [sliced])
        if not rows or isinstance(rows[0], ParseFailure):
            return None
        part = rows[0].sections.get(f"{section}<{read}>")
        if not part:
            return b"".join(parts)
        parts.append(part)
        read += len(part)
        if read > size + SLICE:
            raise LimitExceeded("a message is longer than the server said")
        if len(part) < SLICE:
            return b"".join(parts)
