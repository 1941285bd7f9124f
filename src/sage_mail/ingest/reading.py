"""What is asked of the mail server: never setting \\Seen, and never for more than needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sage_imap.aio import IMAPClient
from sage_imap.errors import LocalProtocolError
from sage_imap.models.message import MessageSet
from sage_imap.models.results import FetchRow, SelectedMailbox
from sage_imap.protocol.events import ParseFailure
from sage_imap.protocol.sets import UIDSet
from sage_mail.ingest.fetched import Fetched
from sage_mail.ingest.fingerprint import fingerprint
from sage_mail.ingest.planning import Sized, lasting

__all__ = [
    "Unreadable",
    "fetch_flags",
    "fetch_headers",
    "fetch_messages",
    "fetch_sizes",
    "find_copies",
    "message_set",
    "search_date",
    "search_uids",
    "selected_mailbox",
]

# Headers are fetched for whole mailboxes; at some 5 kB each this is 2.5 MB.
_HEADERS_AT_ONCE = 500
_MOST_COPIES = 50


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that the server has and of which no usable answer came."""

    uid: int
    reason: str


def selected_mailbox(client: IMAPClient) -> tuple[SelectedMailbox, int]:
    """The mailbox that is selected now, and its UIDVALIDITY.

    Raises:
        LocalProtocolError: none is selected, or the server keeps no UIDs for it.
    """
    selected = client.mailbox
    if selected is None:
        raise LocalProtocolError("no mailbox is selected")
    if selected.uidvalidity is None or selected.uid_not_sticky:
        raise LocalProtocolError("the server keeps no UIDs for this mailbox; do not watch it")
    return selected, selected.uidvalidity


async def search_uids(client: IMAPClient, criteria: str) -> UIDSet:
    """The UIDs in the selected mailbox that the criteria of SEARCH name."""
    return (await client.search(criteria)).uids


async def fetch_sizes(client: IMAPClient, uids: Sequence[int]) -> dict[int, int]:
    """RFC822.SIZE of the messages, in octets; those that are gone or unreadable are left out."""
    rows, _ = await _rows(client, uids, ("RFC822.SIZE",))
    return {uid: row.size or 0 for uid, row in rows.items()}


async def fetch_messages(
    client: IMAPClient, portion: Sequence[Sized]
) -> tuple[list[Fetched], list[Unreadable]]:
    """The whole messages of a portion, in its order, and those that could not be read.

    A message for which no row came, or none that could be understood, is asked for once more and
    alone, since a server may stumble over its neighbour. What is gone by then is in neither list.
    """
    # What is not known to have a size is weighed with all the others.
    sizes = {sized.uid: sized.size for sized in portion if sized.size}
    rows, reasons = await _rows(client, [sized.uid for sized in portion], _WHOLE, sizes)
    found = {uid: fetched for uid, row in rows.items() if (fetched := _whole(row)) is not None}
    unreadable = []
    for sized in portion:
        if sized.uid in found:
            continue
        again, more = await _rows(client, [sized.uid], _WHOLE)
        fetched = _whole(again[sized.uid]) if sized.uid in again else None
        if fetched is not None:
            found[sized.uid] = fetched
        elif sized.uid in await search_uids(client, f"UID {sized.uid}"):
            reason = more.get(sized.uid) or reasons.get(sized.uid) or "the server sent no body"
            unreadable.append(Unreadable(sized.uid, reason))
    return [found[sized.uid] for sized in portion if sized.uid in found], unreadable


async def fetch_headers(client: IMAPClient, uids: Sequence[int]) -> list[Fetched]:
    """Fingerprints, flags and dates of the messages, without their bodies."""
    found = []
    for start in range(0, len(uids), _HEADERS_AT_ONCE):
        rows, _ = await _rows(client, uids[start : start + _HEADERS_AT_ONCE], _HEADER)
        found += [fetched for row in rows.values() if (fetched := _header(row)) is not None]
    return sorted(found, key=lambda fetched: fetched.uid)


async def fetch_flags(
    client: IMAPClient, uids: Iterable[int] | None, *, changed_since: int | None = None
) -> Mapping[int, tuple[tuple[str, ...], int | None]]:
    """Flags and mod-sequence of the messages (None: of all) that changed since a mod-sequence."""
    wanted = UIDSet.of(uids) if uids is not None else None
    if wanted is not None and not wanted:
        return {}
    chosen = "1:*" if wanted is None else wanted
    rows = await client.fetch(message_set(client, chosen), ("FLAGS",), changed_since=changed_since)
    return {
        row.uid: (lasting(row.flags), row.modseq)
        for row in rows
        if isinstance(row, FetchRow) and row.flags is not None
    }


async def find_copies(
    client: IMAPClient, wanted: str, size: int, internal_date: datetime | None
) -> list[Fetched]:
    """The messages of the selected mailbox that have the wanted fingerprint.

    They are looked for by size and by the days around INTERNALDATE, which MOVE keeps (RFC 9051
    section 6.4.8), then by fingerprint, the latest few of them.
    """
    criteria = f"LARGER {max(size - 1, 0)} SMALLER {size + 1}"
    if internal_date is not None:
        day = internal_date.astimezone(UTC)
        since, before = day - timedelta(days=2), day + timedelta(days=3)
        criteria += f" SINCE {search_date(since)} BEFORE {search_date(before)}"
    uids = sorted(await search_uids(client, criteria))[-_MOST_COPIES:]
    return [
        fetched for fetched in await fetch_headers(client, uids) if fetched.fingerprint == wanted
    ]


_WHOLE = ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "BODY.PEEK[]")
_HEADER = ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "BODY.PEEK[HEADER]")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def search_date(moment: datetime) -> str:
    """The day as SEARCH takes it, whatever the locale (RFC 9051 section 9, date)."""
    return f"{moment.day}-{_MONTHS[moment.month - 1]}-{moment.year}"


def message_set(client: IMAPClient, uids: UIDSet | Iterable[int] | str) -> MessageSet:
    """The UIDs as messages of the mailbox that is selected now."""
    selected, uidvalidity = selected_mailbox(client)
    return MessageSet(uids, selected.name, uidvalidity)


async def _rows(
    client: IMAPClient,
    uids: Sequence[int],
    items: Sequence[str],
    sizes: Mapping[int, int] | None = None,
) -> tuple[dict[int, FetchRow], dict[int, str]]:
    """The rows by UID, and the reasons why others could not be understood."""
    rows: dict[int, FetchRow] = {}
    reasons: dict[int, str] = {}
    if not uids:
        return rows, reasons
    chosen = message_set(client, UIDSet.of(uids))
    async for row in client.iter_fetch(chosen, items, sizes=sizes):
        if isinstance(row, ParseFailure):
            if row.uid is not None:
                reasons[row.uid] = row.reason
        else:
            rows[row.uid] = row
    return rows, reasons


def _whole(row: FetchRow) -> Fetched | None:
    raw = row.sections.get("")
    return None if raw is None else _fetched(row, raw, raw)


def _header(row: FetchRow) -> Fetched | None:
    header = row.sections.get("HEADER")
    return None if header is None else _fetched(row, header, None)


def _fetched(row: FetchRow, octets: bytes, raw: bytes | None) -> Fetched:
    size = row.size if row.size is not None else len(octets)
    return Fetched(
        uid=row.uid,
        size=size,
        flags=lasting(row.flags or ()),
        internal_date=row.internaldate,
        modseq=row.modseq,
        fingerprint=fingerprint(octets, size),
        raw=raw,
    )
