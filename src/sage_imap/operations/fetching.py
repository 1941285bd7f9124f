"""FETCH in batches: several in flight, bounded by count and by octets.

Sizes are asked for before bodies, so that a batch of bodies has a known weight. A message that is
larger than `Bounds.large` is read in slices (RFC 9051 section 6.4.5, partial), so that no literal
larger than one slice is ever asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from sage_imap.errors import LocalProtocolError, MailboxMismatch
from sage_imap.models.message import MessageSet
from sage_imap.operations.books import telling
from sage_imap.operations.effects import Operation
from sage_imap.operations.messages import absent, narrowed
from sage_imap.operations.plans import (
    SECTION,
    WHOLE,
    Batch,
    Bodies,
    Bounds,
    Large,
    Metadata,
    Plan,
    weighs,
)
from sage_imap.operations.session import Session
from sage_imap.operations.streams import FetchStream, Row
from sage_imap.protocol.commands import fetch as fetch_command
from sage_imap.protocol.commands import fetch_item
from sage_imap.protocol.events import ParseFailure
from sage_imap.protocol.rejection import rejection
from sage_imap.protocol.sets import UIDSet
from sage_imap.protocol.state import ConnectionState

__all__ = ["fetch", "next_rows", "open_stream", "read_all"]

_DEFAULT: Final = Bounds()
_OLD_NAMES: Final = {
    "RFC822": "BODY.PEEK[]",
    "RFC822.HEADER": "BODY.PEEK[HEADER]",
    "RFC822.TEXT": "BODY.PEEK[TEXT]",
}


def fetch(
    session: Session,
    message_set: MessageSet,
    items: str | Iterable[str],
    *,
    changed_since: int | None = None,
    bounds: Bounds = _DEFAULT,
) -> Operation[list[Row]]:
    """All rows at once; for what fits into memory.

    Where the server refuses a part, or the connection ends, the rows that came are the error's
    ``partial``.
    """
    stream = yield from open_stream(
        session, message_set, items, changed_since=changed_since, bounds=bounds
    )
    return (yield from read_all(session, stream))


def open_stream(
    session: Session,
    message_set: MessageSet,
    items: str | Iterable[str],
    *,
    changed_since: int | None = None,
    sizes: Mapping[int, int] | None = None,
    bounds: Bounds = _DEFAULT,
) -> Operation[FetchStream]:
    """A stream over *message_set*; nothing is sent before rows are asked for.

    But for a look at what is there, where the set names far more (`messages.narrowed`). *sizes* are
    octets by UID, as RFC822.SIZE told them; bodies need not be weighed again then.
    """
    session.uids_for(message_set, "FETCH")
    asked = _asked(items)
    # An item that is none is refused here, before the first command.
    sample = fetch_command("1", asked, changed_since=changed_since)
    bounds = replace(bounds, line=min(bounds.line, session.room_for_uids(sample)))
    mailbox = session.mailbox
    assert mailbox is not None
    there = yield from narrowed(session, message_set)
    plan: Plan = (
        Bodies(there, asked, changed_since, bounds, sizes or {})
        if any(weighs(item) is None for item in asked)
        else Metadata(there, asked, changed_since, bounds)
    )
    return FetchStream(
        plan,
        frozenset(map(_key, asked)),
        connection=session.connection,
        mailbox=mailbox,
        items=tuple(asked),
        bounds=bounds,
        absent=absent(message_set, there),
    )


def read_all(session: Session, stream: FetchStream) -> Operation[list[Row]]:
    """The rows of *stream* to its end; those that came are the ``partial`` of an error."""
    rows: list[Row] = []
    with telling(lambda: rows):
        while (more := (yield from next_rows(session, stream))) is not None:
            rows += more
    return rows


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
    if isinstance(step, Large):
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


def _asked(items: str | Iterable[str]) -> list[str]:
    """The items to ask for: UID always, bodies with PEEK."""
    if isinstance(items, str):
        items = [items]
    if not isinstance(items, Iterable):
        raise LocalProtocolError(f"items are names such as FLAGS, not {items!r}; nothing was sent")
    names = [_OLD_NAMES.get(name.upper(), name) for name in map(fetch_item, items)]
    names = [re.sub(r"(?i)^(BODY|BINARY)\[", r"\1.PEEK[", name) for name in names]
    return list(dict.fromkeys(["UID", *names]))


def _key(item: str) -> str:
    """The name under which an item comes back."""
    section = SECTION.fullmatch(item)
    if section is None:
        return item.upper()
    origin = f"<{section[3]}>" if section[3] else ""
    return f"{section[1]}[{section[2]}]{origin}".upper()


def _in_slices(session: Session, large: Large, stream: FetchStream) -> Operation[Row]:
    """One large message, read slice by slice into one row."""
    bounds = stream.bounds
    if large.size > bounds.largest:
        return _failure(
            large, f"it has {large.size} octets, more than the {bounds.largest} that are accepted"
        )
    one = MessageSet(UIDSet.of([large.uid]))
    small = [item for item in stream.items if not WHOLE.fullmatch(item)]
    first = yield from fetch(session, one, small, bounds=bounds)
    if not first or isinstance(first[0], ParseFailure):
        return first[0] if first else _failure(large, "it is gone")
    row = first[0]
    for item in stream.items:
        if WHOLE.fullmatch(item):
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
    least = 0 if section else size  # of the text alone the size is not known
    short = False
    while True:
        rows = yield from fetch(session, one, [f"{item}<{read}.{bounds.slice}>"], bounds=bounds)
        if not rows:
            return _failure(Large(one.parsed_ids[0], size), "it vanished while it was being read")
        if isinstance(rows[0], ParseFailure):
            return rows[0]
        part = rows[0].sections.get(f"{section}<{read}>")
        if part is None and not short:
            return _failure(Large(one.parsed_ids[0], size), "the server sent no text of it")
        if not part:
            return b"".join(parts)
        parts.append(part)
        read += len(part)
        if read > bounds.largest:
            return _failure(Large(one.parsed_ids[0], size), "it is longer than the server said")
        # A short slice is the last one, unless there is to be more: then an empty one is.
        short = len(part) < bounds.slice
        if short and read >= least:
            return b"".join(parts)


def _failure(large: Large, what: str) -> ParseFailure:
    return ParseFailure(f"the message was not read: {what}", b"", uid=large.uid, response="FETCH")
