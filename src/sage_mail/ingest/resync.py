"""Bringing what is stored of a mailbox to where the server is.

Done after each SELECT, in each IDLE cycle and at each poll that shows a change: first what is new,
then what has vanished, then whose flags have changed. Whatever order of events the server reports
or swallows, the comparison finds the difference. Between two such comparisons only that is asked
for which what the server reports leaves in doubt, so that new mail waits for nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sage_imap.aio import IMAPClient
from sage_imap.protocol.events import Event
from sage_mail.delivery.announce import announce
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.delivery.payloads import flags_changed_data
from sage_mail.ingest.intake import Intake
from sage_mail.ingest.planning import (
    Doubt,
    FlagChange,
    changed_flags,
    compare_locations,
    nothing_vanished,
    told,
    unlisted,
)
from sage_mail.ingest.reading import fetch_flags, search_date, search_uids, selected_mailbox
from sage_mail.ingest.reset import rematch
from sage_mail.ingest.scope import Scope
from sage_mail.records import MailboxRecord
from sage_mail.storage import UnitOfWork
from sage_mail.telemetry import get_logger

__all__ = ["Resync"]

_log = get_logger(__name__)

_Snapshot = tuple[int, int | None, int | None, int]
# A connection, a UIDVALIDITY, and what `Scope.found_elsewhere` was.
_Listed = tuple[IMAPClient, int | None, int]

# Then the caller has his turn, lest wishes and renewals wait as long as there is something to tell.
_MOST_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is stored of a mailbox: UIDs, cursor, and how often a message was found elsewhere."""

    present: list[int]
    missing: list[int]
    dead: list[int]
    cursor: int
    found_elsewhere: int

    @property
    def known(self) -> set[int]:
        return {*self.present, *self.missing, *self.dead}


class Resync:
    """Keeps one mailbox in step; kept over the reconnects of the mailbox's watcher.

    *folder* is its name in the settings.
    """

    def __init__(self, scope: Scope, folder: str) -> None:
        self._scope = scope
        self._folder = folder
        self._intake = Intake(scope)
        self._agreed: _Snapshot | None = None
        self._doubt = Doubt.of_all()
        self._exists = 0
        self._more = False
        self._believed = True
        # Where all that the server has up to the cursor was found to be known.
        self._listed: _Listed | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether something has been told that is not settled yet; it will not be told again."""
        return bool(self._doubt)

    @property
    def mail_waits(self) -> bool:
        """Whether mail has been told that is not taken in, by a server that tells such of some."""
        return self._more and self._believed

    def forget(self) -> None:
        """Let the next `whole` compare everything, whatever the server's numbers say."""
        self._agreed = None

    async def whole(self, client: IMAPClient) -> None:
        """Compare everything; right after SELECT.

        What is told meanwhile may be left `in_doubt`.
        """
        snapshot, detected = _snapshot(client), time.monotonic()
        began = datetime.now(UTC)
        mailbox = await self._mailbox(client)
        if snapshot is None or snapshot != self._agreed:
            self._agreed = None
            self._doubt = Doubt.of_all()
            await self._compare(client, mailbox, detected=detected)
            self._agreed = None if self._doubt else snapshot
        async with self._scope.storage.unit_of_work() as uow:
            await uow.mailboxes.verified(mailbox.id, began)
            await uow.commit()

    def note(self, events: Sequence[Event]) -> None:
        """Take note of what the server reports, in the session of the last `whole`."""
        if events:
            news = told(events, self._exists)
            self._agreed = None
            self._doubt |= news.doubt
            self._exists = news.exists
            self._more |= news.more

    async def news(self, client: IMAPClient, *, detected: float) -> bool:
        """Compare what is in doubt; False where nothing was found to have changed.

        *detected* is when it was told, on the monotonic clock. What is told meanwhile may be left
        `in_doubt`.
        """
        mailbox = await self._mailbox(client)
        return await self._compare(client, mailbox, detected=detected)

    async def _compare(
        self, client: IMAPClient, mailbox: MailboxRecord, *, detected: float
    ) -> bool:
        changed = False
        for _ in range(_MOST_ROUNDS):
            arrived = await self._arrivals(client, mailbox, detected)
            settled = await self._rest(client, mailbox)
            changed = changed or arrived or settled
            if arrived:
                # What has come meanwhile is told now; in IDLE it might be told half a second later.
                await client.noop()
            self._heed(client)
            detected = time.monotonic()
            if not self._doubt:
                break
            mailbox = await self._mailbox(client)
        return changed

    def _heed(self, client: IMAPClient) -> None:
        """Note what the server has told of while we looked; it will not be told again."""
        self.note(client.take_events())
        self._exists = selected_mailbox(client)[0].exists

    async def _arrivals(self, client: IMAPClient, mailbox: MailboxRecord, detected: float) -> bool:
        """Take in what is new; whether there was anything."""
        self._heed(client)
        self._doubt &= ~Doubt.ARRIVALS
        more, self._more = self._more, False
        uidnext = selected_mailbox(client)[0].uidnext
        self._tell_behind((uidnext or 0) - 1 - mailbox.last_uid)
        arrived = await self._intake.take_new(client, mailbox, detected=detected) > 0
        self._tell_behind(0)
        self._believed = arrived or (self._believed and not more)
        if self._intake.went_elsewhere:
            # The SELECT back here began another session, and told of no difference.
            self._doubt = Doubt.of_all()
        return arrived

    async def _rest(self, client: IMAPClient, mailbox: MailboxRecord) -> bool:
        """Settle what is in doubt beside arrivals; whether anything had changed."""
        self._heed(client)
        doubt = self._doubt & ~Doubt.ARRIVALS
        # Not afterwards: what is told meanwhile is in doubt again.
        self._doubt &= ~doubt
        changed = False
        if Doubt.DEPARTURES in doubt:
            changed = await self._departures(client, mailbox)
        if Doubt.FLAGS in doubt:
            changed |= await self._scope.sections.run(self._flags(client, mailbox))
        return changed

    def _tell_behind(self, uids: int) -> None:
        self._scope.metrics.behind(self._scope.account, self._folder, uids)

    async def _mailbox(self, client: IMAPClient) -> MailboxRecord:
        """The stored mailbox, under the UIDVALIDITY that it has now."""
        selected, uidvalidity = selected_mailbox(client)
        async with self._scope.storage.read() as reading:
            mailbox = await reading.mailboxes.find(self._scope.account_id, selected.name)
        if mailbox is None:
            async with self._scope.storage.unit_of_work() as uow:
                mailbox = await uow.mailboxes.get_or_create(self._scope.account_id, selected.name)
                await uow.commit()
        if mailbox.uidvalidity is None:
            await self._first_sight(client, mailbox)
        elif mailbox.uidvalidity != uidvalidity:
            await rematch(client, self._scope, mailbox, uidvalidity)
        else:
            return mailbox
        return await self._reload(mailbox)

    async def _reload(self, mailbox: MailboxRecord) -> MailboxRecord:
        async with self._scope.storage.read() as uow:
            current = await uow.mailboxes.get(mailbox.id)
        return current or mailbox

    async def _first_sight(self, client: IMAPClient, mailbox: MailboxRecord) -> None:
        """Set the cursor to the end, once what is to be taken for new is taken in.

        Until then the mailbox has no UIDVALIDITY, so that after a crash this is done again.
        """
        selected, uidvalidity = selected_mailbox(client)
        end = (selected.uidnext or await _next_uid(client)) - 1
        initial = self._scope.settings.initial
        seen = replace(mailbox, uidvalidity=uidvalidity)
        if initial == "all":
            end = 0
        elif initial != "none":
            criteria = "UNSEEN" if initial == "unseen" else f"SINCE {_days_ago(int(initial))}"
            wanted = [uid for uid in await search_uids(client, criteria) if uid <= end]
            known = await self._intake.known(seen, wanted)
            todo = sorted(set(wanted) - known)
            await self._intake.take(client, seen, todo, advance=False)
        async with self._scope.storage.unit_of_work() as uow:
            await uow.mailboxes.set_cursor(
                mailbox.id,
                uidvalidity=uidvalidity,
                last_uid=end,
                highestmodseq=selected.highestmodseq,
            )
            await uow.commit()
        _log.info(
            "mailbox_first_seen",
            account=self._scope.account,
            mailbox=mailbox.name,
            older=selected.exists,
            cursor=end,
        )

    async def _departures(self, client: IMAPClient, mailbox: MailboxRecord) -> bool:
        """Note what has left, or is back; whether anything was."""
        stored = await self._stored(mailbox)
        listed = (client, mailbox.uidvalidity, stored.found_elsewhere)
        # Arrivals that are still to be taken in are counted by the server.
        comparable = self._listed == listed and Doubt.ARRIVALS not in self._doubt
        if (
            comparable
            and not stored.missing
            and nothing_vanished(
                exists=selected_mailbox(client)[0].exists,
                present=len(stored.present),
                unstored=len(stored.dead),
            )
        ):
            return False
        # Rows that a move of ours has just added are on the server, but maybe not yet in the view
        # that this session has of it; NOOP brings the view up to date.
        await client.noop()
        server = await search_uids(client, "ALL")
        gone = compare_locations(stored.present, stored.missing, server)
        changed = bool(gone.vanished or gone.returned)
        if changed:
            await self._scope.sections.run(
                self._note_departures(mailbox, gone.vanished, gone.returned)
            )
        if unlisted(server, stored.known, stored.cursor):
            self._listed = None
            self._scope.unknown_in.put_nowait(mailbox.name)
        else:
            self._listed = listed
        return changed

    async def _stored(self, mailbox: MailboxRecord) -> _Stored:
        """What is stored of the mailbox, while nobody moves anything into or out of it."""
        uidvalidity = mailbox.uidvalidity or 0
        async with self._scope.locations, self._scope.storage.read() as uow:
            current = await uow.mailboxes.get(mailbox.id)
            return _Stored(
                present=await uow.messages.present_uids(mailbox.id, uidvalidity),
                missing=await uow.messages.missing_uids(mailbox.id, uidvalidity),
                dead=await uow.dead_letters.uids(mailbox.id, uidvalidity),
                cursor=(current or mailbox).last_uid,
                found_elsewhere=self._scope.found_elsewhere[mailbox.name],
            )

    async def _note_departures(
        self, mailbox: MailboxRecord, vanished: tuple[int, ...], returned: tuple[int, ...]
    ) -> None:
        uidvalidity = mailbox.uidvalidity or 0
        async with self._scope.locations, self._scope.storage.unit_of_work() as uow:
            count = await uow.messages.mark_missing(
                mailbox.id, uidvalidity, vanished, at=datetime.now(UTC)
            )
            await uow.messages.mark_present(mailbox.id, uidvalidity, returned)
            await uow.commit()
        if count:
            _log.info(
                "messages_missing", account=self._scope.account, mailbox=mailbox.name, count=count
            )
            self._scope.something_vanished.set()

    async def _flags(self, client: IMAPClient, mailbox: MailboxRecord) -> bool:
        """Take over changed flags; whether there were any.

        Under the lock, lest a flag of ours seems to come and go.
        """
        since, latest = mailbox.highestmodseq, selected_mailbox(client)[0].highestmodseq
        async with self._scope.locations:
            if latest is not None and since is not None:
                server = await fetch_flags(client, None, changed_since=since)
            else:
                server = await fetch_flags(client, None)
            modseqs = [modseq for _, modseq in server.values() if modseq is not None]
            async with self._scope.storage.unit_of_work() as uow:
                changed = await self._write_flags(
                    uow, mailbox, {uid: flags for uid, (flags, _) in server.items()}
                )
                if latest is not None:
                    await uow.mailboxes.set_cursor(
                        mailbox.id,
                        uidvalidity=mailbox.uidvalidity or 0,
                        last_uid=0,
                        highestmodseq=max([latest, *modseqs]),
                    )
                await uow.commit()
        return changed

    async def _write_flags(
        self, uow: UnitOfWork, mailbox: MailboxRecord, server: dict[int, tuple[str, ...]]
    ) -> bool:
        uidvalidity = mailbox.uidvalidity or 0
        known = await uow.messages.flags_by_uid(mailbox.id, uidvalidity, list(server))
        ours = await uow.actions.own_flags(mailbox.id, uidvalidity)
        changes = changed_flags(known, server, ours)
        for change in changes:
            await self._write_change(uow, mailbox, change)
        return bool(changes)

    async def _write_change(
        self, uow: UnitOfWork, mailbox: MailboxRecord, change: FlagChange
    ) -> None:
        uidvalidity = mailbox.uidvalidity or 0
        found = await uow.messages.find_at(mailbox.id, uidvalidity, change.uid)
        if found is None:
            return
        await uow.messages.set_flags(found.id, change.flags)
        if not found.announced or not (change.added or change.removed):
            return
        message = replace(found, flags=change.flags)
        event = NewEvent(
            type=EventType.MESSAGE_FLAGS_CHANGED,
            account=self._scope.account,
            mailbox=mailbox.name,
            message_id=message.id,
            occurred_at=datetime.now(UTC),
            data=flags_changed_data(message, added=change.added, removed=change.removed),
        )
        await announce(uow, event, self._scope.endpoints)


def _snapshot(client: IMAPClient) -> _Snapshot | None:
    """What proves, where it is the same again, that nothing has changed; None without CONDSTORE.

    RFC 7162 section 3.1.2.1: any change of a mailbox, an expunge included where QRESYNC is
    offered, raises HIGHESTMODSEQ; the count covers expunges elsewhere.
    """
    selected, uidvalidity = selected_mailbox(client)
    if selected.highestmodseq is None:
        return None
    return (uidvalidity, selected.uidnext, selected.highestmodseq, selected.exists)


async def _next_uid(client: IMAPClient) -> int:
    """UIDNEXT of a server that does not tell it."""
    uids = await search_uids(client, "ALL")
    return uids.max + 1 if uids else 1


def _days_ago(days: int) -> str:
    return search_date(datetime.now(UTC) - timedelta(days=days))
