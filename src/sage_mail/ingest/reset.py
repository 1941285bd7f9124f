"""A mailbox whose UIDVALIDITY has changed: all its UIDs mean other messages now.

The known messages are recognised by their fingerprints and keep their rows; nobody is told of them
again. What is left over on the server is really new, what is left over in the database is missing.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sage_imap.aio import IMAPClient
from sage_mail.delivery.announce import announce
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.delivery.payloads import mailbox_reset_data
from sage_mail.ingest.fetched import Fetched
from sage_mail.ingest.preparation import old_message
from sage_mail.ingest.reading import fetch_headers, search_uids
from sage_mail.ingest.scope import Scope
from sage_mail.records import MailboxRecord
from sage_mail.storage import UnitOfWork
from sage_mail.telemetry import get_logger

__all__ = ["Rematch", "match_again", "rematch"]

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rematch:
    """Known messages with their new UIDs, those that are not there, and UIDs of none of them."""

    found: tuple[tuple[int, int], ...]
    missing: tuple[int, ...]
    unknown: tuple[int, ...]


def match_again(known: Iterable[tuple[int, str]], server: Iterable[tuple[int, str]]) -> Rematch:
    """Match rows (id, fingerprint) with messages on the server (UID, fingerprint), in their order.

    The first of identical messages is the first again.
    """
    rows: dict[str, deque[int]] = defaultdict(deque)
    for message_id, mark in known:
        rows[mark].append(message_id)
    found, unknown = [], []
    for uid, mark in sorted(server):
        if rows[mark]:
            found.append((rows[mark].popleft(), uid))
        else:
            unknown.append(uid)
    missing = sorted(message_id for left in rows.values() for message_id in left)
    return Rematch(tuple(found), tuple(missing), tuple(unknown))


async def rematch(
    client: IMAPClient, scope: Scope, mailbox: MailboxRecord, uidvalidity: int
) -> None:
    """Bind what is known of the selected mailbox to its new UIDs, in one transaction."""
    uids = sorted(await search_uids(client, "ALL"))
    fetched = await fetch_headers(client, uids)
    await scope.sections.run(_rebind(scope, mailbox, uidvalidity, uids, fetched))


async def _rebind(
    scope: Scope,
    mailbox: MailboxRecord,
    uidvalidity: int,
    uids: Sequence[int],
    fetched: Sequence[Fetched],
) -> None:
    now = datetime.now(UTC)
    async with scope.locations, scope.storage.unit_of_work() as uow:
        known = await uow.messages.outdated(mailbox.id, uidvalidity)
        known.sort(key=lambda message: message.uid or 0)
        result = match_again(
            [(message.id, message.fingerprint) for message in known],
            [(item.uid, item.fingerprint) for item in fetched],
        )
        await _bind(uow, mailbox, uidvalidity, result)
        for message_id in result.missing:
            await uow.messages.mark_message_missing(message_id, at=now)
        seen = replace(mailbox, uidvalidity=uidvalidity)
        listed = any(not message.announced for message in known)
        old = [] if listed else _older(seen, result, fetched)
        for item in old:
            async with uow.savepoint():
                await uow.messages.add(old_message(item, seen))
        # A header that did not come counts as new.
        new = set(uids) - {uid for _, uid in result.found} - {item.uid for item in old}
        # What lies above the cursor and is stored is passed over, the rest is taken in as new.
        cursor = min(new) - 1 if new else max(uids, default=0)
        await uow.mailboxes.reset(mailbox.id, uidvalidity=uidvalidity, last_uid=cursor)
        for letter in await uow.dead_letters.list(limit=100_000):
            if letter.mailbox_id == mailbox.id and letter.uidvalidity != uidvalidity:
                # Its message is among the new ones now.
                await uow.dead_letters.resolve(letter.id, now)
        data = mailbox_reset_data(
            scope.account, mailbox.name, before=mailbox.uidvalidity, after=uidvalidity
        )
        event = NewEvent(
            type=EventType.MAILBOX_RESET,
            account=scope.account,
            mailbox=mailbox.name,
            occurred_at=now,
            data=data,
        )
        await announce(uow, event, scope.endpoints)
        await uow.commit()
    _log.warning(
        "mailbox_reset",
        account=scope.account,
        mailbox=mailbox.name,
        recognised=len(result.found),
        missing=len(result.missing),
        new=len(new),
    )
    if result.missing:
        scope.something_vanished.set()


async def _bind(
    uow: UnitOfWork,
    mailbox: MailboxRecord,
    uidvalidity: int,
    result: Rematch,
) -> None:
    for message_id, uid in result.found:
        await uow.messages.relocate(
            message_id, mailbox_id=mailbox.id, uidvalidity=uidvalidity, uid=uid
        )
        await uow.actions.follow(
            message_id, mailbox_id=mailbox.id, uidvalidity=uidvalidity, uid=uid
        )


def _older(mailbox: MailboxRecord, result: Rematch, fetched: Sequence[Fetched]) -> list[Fetched]:
    """Those of the unknown messages that came before the first sight of the mailbox.

    To be asked where the older mail had not been listed yet: INTERNALDATE tells then what would not
    have been announced under its old UID either.
    """
    unknown = set(result.unknown)
    return [
        item
        for item in fetched
        if item.uid in unknown
        and item.internal_date is not None
        and item.internal_date < mailbox.first_seen_at
    ]
