"""FETCH in batches: several in flight, bounded by count and by octets.

Sizes are asked for before bodies, so that a batch of bodies has a known weight. A message that is
larger than `Bounds.large` is read in slices (RFC 9051 section 6.4.5, partial), so that no literal
larger than one slice is ever asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from sage_imap.errors import LocalProtocolError, MailboxMismatch
from sage_imap.models.message import MessageSet
from sage_imap.operations.books import telling
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Session
from sage_imap.operations.streams import Batch, Bounds, FetchStream, Large, Row, Step
from sage_imap.protocol.commands import fetch as fetch_command
from sage_imap.protocol.events import ParseFailure
from sage_imap.protocol.rejection import rejection
from sage_imap.protocol.sets import UIDSet
from sage_imap.protocol.state import ConnectionState

__all__ = ["fetch", "next_rows", "open_stream"]

_DEFAULT: Final = Bounds()
# UID, FLAGS, INTERNALDATE and RFC822.SIZE take 150 octets, an envelope 700, a structure 1,000.
_METADATA_OCTETS: Final = 2048
_HEADER_OCTETS: Final = 8192
_UID_OCTETS: Final = len("4294967295,")
_SECTION: Final = re.compile(
    r"(BODY|BINARY)(?:\.PEEK)?\[([^\]]*)\](?:<(\d+)\.(\d+)>)?", re.IGNORECASE
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
    bounds: Bounds = _DEFAULT,
) -> Operation[list[Row]]:
    """All rows at once; for what fits into memory.

    Where the server refuses a part, or the connection ends, the rows that came are the error's
    ``partial``.
    """
    rows: list[Row] = []
    with telling(lambda: rows):
        stream = yield from open_stream(
            session, message_set, items, changed_since=changed_since, bounds=bounds
        )
        while (more := (yield from next_rows(session, stream))) is not None:
            rows += more
    return rows


def open_stream(
    session: Session,
    message_set: MessageSet,
    items: Iterable[str],
    *,
    changed_since: int | None = None,
    bounds: Bounds = _DEFAULT,
) -> Operation[FetchStream]:
    """A stream over *message_set*; of bodies, the sizes are asked for at once."""
    session.uids_for(message_set, "FETCH")
    asked = _asked(items)
    # An item that is none is refused here, before the first command.
    sample = fetch_command("1", asked, changed_since=changed_since)
    bounds = replace(bounds, line=min(bounds.line, session.room_for_uids(sample)))
    mailbox = session.mailbox
    assert mailbox is not None
    plan: Iterator[Step] = iter(())
    if message_set and any(_weighs(item) is None for item in asked):
        with telling(lambda: None):  # sizes are no rows of what was asked for
            sizes = yield from fetch(
                session, message_set, ["RFC822.SIZE"], changed_since=changed_since, bounds=bounds
            )
        plan = _plan_bodies(sizes, asked, bounds)
    elif message_set:
        plan = _plan_metadata(message_set, asked, changed_since, bounds)
    wanted = frozenset(map(_key, asked))
    return FetchStream(
        plan,
        wanted,
        connection=session.connection,
        mailbox=mailbox,
        items=tuple(asked),
        bounds=bounds,
    )


def next_rows(session: Session, stream: FetchStream) -> Operation[list[Row] | None]:
    """At least one row more, or None at the end.

    Raises `CommandRejected` behind the last row where the server refused a batch. Where rows are
    still due, raises `UIDValidityChanged`, `MailboxMismatch` where another mailbox was selected,
    and `LocalProtocolError` where the connection of *stream* has ended.
    """
    if stream.connection is not session.connection:
        _check_over(stream)
        return None
    while not stream.rows:
        if stream.void is not None:
            raise stream.void.anew(sent=True)
        yield from _fill(session, stream)
        if stream.in_flight:
            yield from session.expect()
            if not stream.is_open:
                session.check_amount(stream.begun)
            session.absorb()
        elif not stream.rows and stream.peek() is None:
            if stream.failure is not None:
                raise rejection(stream.failure)
            return None
    rows = list(stream.rows)
    stream.rows.clear()
    # Ask for more before the caller turns to these rows, so that the network is never idle
    # meanwhile; but do nothing that may fail, lest an error keep these rows from him.
    selected = session.connection.state is ConnectionState.SELECTED
    if session.stream is stream and selected and stream.void is None:
        _send_batches(session, stream)
        yield from session.flush()
    return rows


def _check_over(stream: FetchStream) -> None:
    if stream.rows or stream.in_flight or stream.failure or stream.peek() is not None:
        raise LocalProtocolError(
            "the connection on which these rows were asked for has ended; nothing was sent on the "
            "one that there is now: select the mailbox and begin the fetch anew"
        )


def _fill(session: Session, stream: FetchStream) -> Operation[None]:
    """Carry the plan on as far as there is room."""
    if session.stream is not stream:
        yield from session.settle()
    session.check_sendable()
    _send_batches(session, stream)
    step = stream.peek() if stream.has_room else None
    if isinstance(step, ParseFailure):
        stream.advance()
        stream.rows.append(step)
    elif isinstance(step, Large):
        _check_mailbox(session, stream)
        yield from session.settle()
        stream.advance()
        with telling(lambda: None):  # nor are slices
            stream.rows.append((yield from _in_slices(session, step, stream)))


def _send_batches(session: Session, stream: FetchStream) -> None:
    while stream.has_room and isinstance(batch := stream.peek(), Batch):
        _check_mailbox(session, stream)
        stream.sent(session.connection.send(batch.command), batch)
        stream.begun = session.received
        stream.advance()
        session.stream = stream


def _check_mailbox(session: Session, stream: FetchStream) -> None:
    session.check_uids()
    now, then = session.mailbox, stream.mailbox
    if now is None or (now.name, now.uidvalidity) != (then.name, then.uidvalidity):
        raise MailboxMismatch(
            "another mailbox was selected during the fetch; the rest of the rows was not asked for"
        )


def _asked(items: Iterable[str]) -> list[str]:
    """The items to ask for: UID always, bodies with PEEK."""
    if isinstance(items, str):
        items = [items]
    names = [_OLD_NAMES.get(str(item).upper(), str(item)) for item in items]
    names = [re.sub(r"(?i)^(BODY|BINARY)\[", r"\1.PEEK[", name) for name in names]
    return list(dict.fromkeys(["UID", *names]))


def _key(item: str) -> str:
    """The name under which an item comes back."""
    section = _SECTION.fullmatch(item)
    if section is None:
        return item.upper()
    origin = f"<{section[3]}>" if section[3] else ""
    return f"{section[1]}[{section[2]}]{origin}".upper()


def _weighs(item: str) -> int | None:
    """About how many octets an item has; None: as many as the message, at most."""
    section = _SECTION.fullmatch(item)
    if section is None:
        return 0
    if section[4]:
        return int(section[4])
    name = section[2].upper()
    return _HEADER_OCTETS if "HEADER" in name or name.endswith("MIME") else None


def _plan_metadata(
    message_set: MessageSet, asked: Sequence[str], changed_since: int | None, bounds: Bounds
) -> Iterator[Batch]:
    if message_set.is_open:
        yield Batch(fetch_command(str(message_set), asked, changed_since=changed_since), None, 0)
        return
    weight = _METADATA_OCTETS + sum(_weighs(item) or 0 for item in asked)
    most = max(1, min(bounds.messages, bounds.batch // weight))
    for part in message_set.uids.split(most_ids=most, most_bytes=bounds.line):
        command = fetch_command(part, asked, changed_since=changed_since)
        yield Batch(command, part, len(part) * weight)


def _plan_bodies(sizes: Sequence[Row], asked: Sequence[str], bounds: Bounds) -> Iterator[Step]:
    sliced = any(_WHOLE.fullmatch(item) for item in asked)
    uids: list[int] = []
    octets = 0
    most = max(1, min(bounds.messages, bounds.line // _UID_OCTETS))
    for row in sizes:
        size = 0 if isinstance(row, ParseFailure) else row.size or 0
        special = isinstance(row, ParseFailure) or (sliced and size > bounds.large)
        if uids and (special or octets + size > bounds.batch or len(uids) >= most):
            yield _batch(uids, octets, asked)
            uids, octets = [], 0
        if isinstance(row, ParseFailure):
            yield row
        elif special:
            yield Large(row.uid, size)
        else:
            uids.append(row.uid)
            octets += size + _METADATA_OCTETS
    if uids:
        yield _batch(uids, octets, asked)


def _batch(uids: list[int], octets: int, asked: Sequence[str]) -> Batch:
    chosen = UIDSet.of(uids)
    return Batch(fetch_command(chosen, asked), chosen, octets)


def _in_slices(session: Session, large: Large, stream: FetchStream) -> Operation[Row]:
    """One large message, read slice by slice into one row."""
    bounds = stream.bounds
    if large.size > bounds.largest:
        return _failure(
            large, f"it has {large.size} octets, more than the {bounds.largest} that are accepted"
        )
    one = MessageSet.from_uids([large.uid])
    small = [item for item in stream.items if not _WHOLE.fullmatch(item)]
    first = yield from fetch(session, one, small, bounds=bounds)
    if not first or isinstance(first[0], ParseFailure):
        return first[0] if first else _failure(large, "it is gone")
    row = first[0]
    for item in stream.items:
        if _WHOLE.fullmatch(item):
            octets = yield from _read_section(session, one, item, large.size, bounds)
            if isinstance(octets, ParseFailure):
                return octets
            row.sections[_key(item)[5:-1]] = octets
    return row


def _read_section(
    session: Session, one: MessageSet, item: str, size: int, bounds: Bounds
) -> Operation[bytes | ParseFailure]:
    parts: list[bytes] = []
    read = 0
    section = _key(item)[5:-1]
    while True:
        rows = yield from fetch(session, one, [f"{item}<{read}.{bounds.slice}>"], bounds=bounds)
        if not rows:
            return _failure(Large(one.parsed_ids[0], size), "it vanished while it was being read")
        if isinstance(rows[0], ParseFailure):
            return rows[0]
        part = rows[0].sections.get(f"{section}<{read}>") or b""
        parts.append(part)
        read += len(part)
        if read > bounds.largest:
            return _failure(Large(one.parsed_ids[0], size), "it is longer than the server said")
        if len(part) < bounds.slice:
            return b"".join(parts)


def _failure(large: Large, what: str) -> ParseFailure:
    return ParseFailure(f"the message was not read: {what}", b"", uid=large.uid, response="FETCH")
