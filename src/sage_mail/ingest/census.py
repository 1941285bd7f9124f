"""A list of the mail that was there before the first sight, kept so that it can be recognised.

Nobody is told of it and nothing is done to it. But when somebody moves an old message into another
watched mailbox, or the UIDVALIDITY changes, it must not look new. Its header is enough for that.
"""

from __future__ import annotations

from collections.abc import Sequence

from sage_imap.aio import IMAPClient
from sage_mail.ingest.fetched import Fetched
from sage_mail.ingest.matching import Arrival, Relocated, classify, doubtful
from sage_mail.ingest.preparation import old_message
from sage_mail.ingest.reading import fetch_headers, search_uids
from sage_mail.ingest.scope import Scope
from sage_mail.ingest.sources import candidates_for, gone_from_server, reselect
from sage_mail.ingest.writing import BatchWriter
from sage_mail.records import MailboxRecord
from sage_mail.telemetry import get_logger

__all__ = ["Census"]

_log = get_logger(__name__)

# Each portion is one commit, and arrivals wait for it.
_PORTION = 200


class Census:
    """Lists the older mail of an account's mailboxes."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def take(self, client: IMAPClient, name: str) -> int:
        """List what is unknown up to the cursor of the mailbox; how many messages these were."""
        selected = await client.select(name, readonly=True)
        async with self._scope.storage.read() as uow:
            mailbox = await uow.mailboxes.find(self._scope.account_id, name)
        if mailbox is None or mailbox.uidvalidity != selected.uidvalidity or not mailbox.last_uid:
            return 0
        old = await search_uids(client, f"UID 1:{mailbox.last_uid}")
        todo = sorted(set(old) - await self._known(mailbox), reverse=True)
        for start in range(0, len(todo), _PORTION):
            portion = sorted(todo[start : start + _PORTION])
            fetched = await fetch_headers(client, portion)
            await self._scope.sections.run(self._list(client, mailbox, fetched))
        if todo:
            _log.info(
                "older_mail_listed", account=self._scope.account, mailbox=name, count=len(todo)
            )
        return len(todo)

    async def _known(self, mailbox: MailboxRecord) -> set[int]:
        uidvalidity = mailbox.uidvalidity or 0
        async with self._scope.storage.read() as uow:
            present = await uow.messages.present_uids(mailbox.id, uidvalidity)
            missing = await uow.messages.missing_uids(mailbox.id, uidvalidity)
            dead = await uow.dead_letters.uids(mailbox.id, uidvalidity)
        return {*present, *missing, *dead}

    async def _list(
        self, client: IMAPClient, mailbox: MailboxRecord, fetched: Sequence[Fetched]
    ) -> None:
        uidvalidity = mailbox.uidvalidity or 0
        async with self._scope.locations:
            known = await self._known(mailbox)
            items = {item.uid: item for item in fetched if item.uid not in known}
            arrivals = [
                Arrival(uid, item.fingerprint, internal_date=item.internal_date)
                for uid, item in items.items()
            ]
            async with self._scope.storage.read() as uow:
                candidates = await candidates_for(
                    uow,
                    self._scope.account_id,
                    {arrival.fingerprint for arrival in arrivals},
                    mailbox=mailbox.name,
                    uidvalidity=uidvalidity,
                )
            doubts = doubtful(arrivals, candidates, mailbox.name)
            gone: set[int] = set()
            if doubts:
                gone = await gone_from_server(client, doubts)
                await reselect(client, mailbox.name, uidvalidity, readonly=True)
            async with self._scope.storage.unit_of_work() as uow:
                writer = BatchWriter(self._scope, uow, mailbox)
                for outcome in classify(arrivals, candidates, gone, mailbox.name):
                    if isinstance(outcome, Relocated):
                        await writer.relocate(outcome, items[outcome.uid])
                    else:
                        await writer.add_old(old_message(items[outcome.uid], mailbox))
                await uow.commit()
