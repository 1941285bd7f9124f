"""From the UIDs that arrived in a mailbox to stored, announced messages, one commit a batch.

Outside the transaction: what is slow and can be repeated (fetching, parsing, deciding, writing
blobs). Inside: everything that must not be half done, each message under its own savepoint, and the
mailbox's cursor. What cannot be stored becomes a dead letter, and the cursor still passes it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from sage_imap.aio import IMAPClient
from sage_imap.errors import CommandRejected, ConnectionLost, RemoteProtocolError
from sage_mail import faults
from sage_mail.ingest.fetched import Fetched
from sage_mail.ingest.matching import (
    Arrival,
    Candidate,
    New,
    Relocated,
    classify,
    doubtful,
)
from sage_mail.ingest.planning import Sized, new_uids
from sage_mail.ingest.preparation import Prepared, Rejected
from sage_mail.ingest.reading import Unreadable, fetch_messages, fetch_sizes, search_uids
from sage_mail.ingest.scope import Scope
from sage_mail.ingest.sources import candidates_for, gone_from_server, reselect
from sage_mail.ingest.stumbles import GARBLED, LOST, Stumbles
from sage_mail.ingest.writing import BatchWriter, write_blobs
from sage_mail.pipeline import Context, Decision
from sage_mail.records import DeadLetterRecord, MailboxRecord
from sage_mail.telemetry import get_logger

__all__ = ["MOST_OCTETS_OF_A_MESSAGE", "Intake"]

_log = get_logger(__name__)

# Providers accept 25 to 150 MB; a message is held in memory raw, parsed and as blobs.
MOST_OCTETS_OF_A_MESSAGE = 64 * 1024 * 1024

# From so many messages on they are prepared beside our own work, and so many portions ahead of it:
# two for the second process, and one that is prepared here.
_BACKLOG = 200
_AHEAD = 3

# A client without MOVE copies first and deletes then, and even a server's own MOVE may show the
# copy a moment before the source is gone. So a copy is looked at again before it counts as one.
_LOOKS = 4
_SECONDS_BETWEEN_LOOKS = 1.0
# So often arrivals wait for a mailbox that cannot be opened just now, in which one of them may have
# been before. The pauses between reconnects make that half a minute.
_MOST_REFUSALS = 6


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What came of a portion, and what did not."""

    fetched: list[Fetched]
    rejected: list[Rejected]


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is to be committed together."""

    prepared: dict[int, Prepared]
    rejected: list[Rejected]
    hashes: dict[int, str]
    cursor: int | None
    detected: float | None
    retry_of: int | None = None


class Intake:
    """Takes in the messages of one mailbox; kept over the reconnects of the mailbox's watcher."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._stumbles = Stumbles()
        self._refusals = 0
        self.went_elsewhere = False
        """Whether the last `take_new` looked into another mailbox and selected this one anew."""

    async def take_new(
        self, client: IMAPClient, mailbox: MailboxRecord, *, detected: float | None = None
    ) -> int:
        """Take in all messages above the mailbox's cursor; how many UIDs these were, known or not.

        *detected* is when the server told of them, on the monotonic clock, for the metrics.
        The mailbox must be selected. A lost connection raises and leaves what is committed.
        """
        self.went_elsewhere = False
        found = await search_uids(client, f"UID {mailbox.last_uid + 1}:*")
        above = [uid for uid in found if uid > mailbox.last_uid]
        if not above:
            return 0
        wanted = new_uids(above, mailbox.last_uid, await self.known(mailbox, above))
        await self.take(client, mailbox, wanted, advance=True, detected=detected)
        if not wanted or wanted[-1] < max(above):
            await self._advance(mailbox, max(above))
        return len(above)

    async def retry(
        self, client: IMAPClient, mailbox: MailboxRecord, letter: DeadLetterRecord
    ) -> bool:
        """Try a dead letter once more; False if its message is not on the server any more."""
        if letter.uid not in await search_uids(client, f"UID {letter.uid}"):
            return False
        sizes = await fetch_sizes(client, [letter.uid])
        portion = [Sized(letter.uid, sizes.get(letter.uid, 0))]
        loaded = await self._load(client, portion)
        batch = await self._ready(mailbox, loaded, cursor=None, retry_of=letter.id)
        await self._conclude(client, mailbox, batch)
        return True

    async def take(
        self,
        client: IMAPClient,
        mailbox: MailboxRecord,
        uids: Sequence[int],
        *,
        advance: bool,
        detected: float | None = None,
    ) -> None:
        """Take in the messages with these UIDs (ascending); with *advance* the cursor follows.

        While a portion is committed the next ones are prepared. They are committed in order.
        """
        sizes = await fetch_sizes(client, uids)
        queue = [Sized(uid, sizes.get(uid, 0)) for uid in uids]
        ahead: deque[asyncio.Task[_Batch]] = deque()
        try:
            await self._take_queue(
                client, mailbox, queue, ahead, advance=advance, detected=detected
            )
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _take_queue(
        self,
        client: IMAPClient,
        mailbox: MailboxRecord,
        queue: list[Sized],
        ahead: deque[asyncio.Task[_Batch]],
        *,
        advance: bool,
        detected: float | None,
    ) -> None:
        backlog = len(queue) >= _BACKLOG
        for portion in self._stumbles.portions(queue):
            try:
                loaded = await self._load(client, portion)
            except (ConnectionLost, RemoteProtocolError):
                # What came before is good, and need not be fetched again.
                await self._finish(client, mailbox, ahead)
                raise
            cursor = portion[-1].uid if advance else None
            work = self._ready(mailbox, loaded, cursor=cursor, detected=detected, backlog=backlog)
            ahead.append(asyncio.create_task(work))
            await self._finish(client, mailbox, ahead, leave=_AHEAD if backlog else 0)
        await self._finish(client, mailbox, ahead)

    async def _finish(
        self,
        client: IMAPClient,
        mailbox: MailboxRecord,
        ahead: deque[asyncio.Task[_Batch]],
        *,
        leave: int = 0,
    ) -> None:
        """Commit the batches in order, but for the last few."""
        while len(ahead) > leave:
            await self._conclude(client, mailbox, await ahead[0])
            ahead.popleft()

    async def known(self, mailbox: MailboxRecord, uids: Sequence[int]) -> set[int]:
        """Those of the UIDs that are stored or dead letters already."""
        uidvalidity = mailbox.uidvalidity or 0
        async with self._scope.storage.read() as uow:
            stored = await uow.messages.known_uids(mailbox.id, uidvalidity, uids)
            dead = await uow.dead_letters.uids(mailbox.id, uidvalidity)
        # A UID is never given twice (RFC 9051 section 2.3.1.1), so that what was ever stored under
        # it is this message, even if it was given up meanwhile.
        return stored | set(dead)

    async def _load(self, client: IMAPClient, portion: list[Sized]) -> _Loaded:
        rejected = [
            Rejected(sized.uid, "fetch", reason)
            for sized in portion
            if (reason := self._reason_to_set_aside(sized)) is not None
        ]
        aside = {item.uid for item in rejected}
        fetched, unreadable = await self._fetch(
            client, [sized for sized in portion if sized.uid not in aside]
        )
        rejected += [Rejected(item.uid, "fetch", item.reason) for item in unreadable]
        return _Loaded(fetched, rejected)

    async def _ready(
        self,
        mailbox: MailboxRecord,
        loaded: _Loaded,
        *,
        cursor: int | None,
        detected: float | None = None,
        retry_of: int | None = None,
        backlog: bool = False,
    ) -> _Batch:
        scope = self._scope
        context = Context(
            account=scope.account, mailbox=mailbox.name, own_addresses=scope.own_addresses
        )
        results = await scope.preparer.prepare(loaded.fetched, mailbox, context, backlog=backlog)
        rejected = loaded.rejected + [item for item in results if isinstance(item, Rejected)]
        prepared = {item.fetched.uid: item for item in results if isinstance(item, Prepared)}
        hashes = await write_blobs(scope.storage, prepared.values(), rejected)
        return _Batch(prepared, rejected, hashes, cursor, detected, retry_of)

    async def _conclude(self, client: IMAPClient, mailbox: MailboxRecord, batch: _Batch) -> None:
        for look in range(1, _LOOKS + 1):
            if await self._scope.sections.run(
                self._commit(client, mailbox, batch, last_look=look == _LOOKS)
            ):
                break
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        self._refusals = 0
        self._scope.work_arrived.set()

    def _reason_to_set_aside(self, sized: Sized) -> str | None:
        if sized.size > MOST_OCTETS_OF_A_MESSAGE:
            return f"it is larger than {MOST_OCTETS_OF_A_MESSAGE // 1024**2} MiB"
        if self._stumbles.is_set_aside(sized.uid):
            return "the connection broke each time it was fetched"
        return None

    async def _fetch(
        self, client: IMAPClient, wanted: list[Sized]
    ) -> tuple[list[Fetched], list[Unreadable]]:
        if not wanted:
            return [], []
        try:
            fetched = await fetch_messages(client, wanted)
        except ConnectionLost:
            self._stumbles.broke(wanted, LOST)
            raise
        except RemoteProtocolError:
            self._stumbles.broke(wanted, GARBLED)
            raise
        self._stumbles.passed(wanted)
        return fetched

    async def _commit(
        self, client: IMAPClient, mailbox: MailboxRecord, batch: _Batch, *, last_look: bool
    ) -> bool:
        """Write the batch; False where a second look at a likely copy is due first."""
        async with self._scope.locations:
            # A move of ours may have told the database of some of them meanwhile.
            known = await self.known(mailbox, sorted(batch.prepared))
            if batch.retry_of is not None:
                known = set()
            arrivals = [
                Arrival(
                    uid,
                    item.fetched.fingerprint,
                    item.draft.content_hash,
                    item.draft.internal_date,
                )
                for uid, item in batch.prepared.items()
                if uid not in known
            ]
            candidates, gone = await self._candidates(client, mailbox, arrivals)
            if not last_look and _lingering(arrivals, candidates, gone, mailbox.name):
                return False
            outcomes = classify(arrivals, candidates, gone, mailbox.name)
            await self._write(mailbox, batch, outcomes)
            faults.reach("after-commit")
        return True

    async def _candidates(
        self, client: IMAPClient, mailbox: MailboxRecord, arrivals: Sequence[Arrival]
    ) -> tuple[list[Candidate], set[int]]:
        if not arrivals:
            return [], set()
        uidvalidity = mailbox.uidvalidity or 0
        async with self._scope.storage.read() as uow:
            candidates = await candidates_for(
                uow,
                self._scope.account_id,
                {arrival.fingerprint for arrival in arrivals},
                mailbox=mailbox.name,
                uidvalidity=uidvalidity,
            )
        doubts = doubtful(arrivals, candidates, mailbox.name)
        if not doubts:
            return candidates, set()
        self.went_elsewhere = True
        gone = await self._gone(client, doubts)
        await reselect(client, mailbox.name, uidvalidity)
        return candidates, gone

    async def _gone(self, client: IMAPClient, doubts: Sequence[Candidate]) -> set[int]:
        try:
            return await gone_from_server(client, doubts, patient=self._refusals < _MOST_REFUSALS)
        except CommandRejected:
            self._refusals += 1
            raise

    async def _write(
        self, mailbox: MailboxRecord, batch: _Batch, outcomes: Sequence[New | Relocated]
    ) -> None:
        async with self._scope.storage.unit_of_work() as uow:
            writer = BatchWriter(self._scope, uow, mailbox)
            failures = list(batch.rejected)
            for is_new, run in groupby(outcomes, lambda outcome: isinstance(outcome, New)):
                if is_new:
                    failures += await writer.add([batch.prepared[item.uid] for item in run])
                    continue
                for outcome in run:
                    if isinstance(outcome, Relocated):
                        await writer.relocate(outcome, batch.prepared[outcome.uid].fetched)
            if batch.retry_of is not None and not failures:
                await uow.dead_letters.resolve(batch.retry_of, datetime.now(UTC))
            for failure in failures:
                stored = batch.prepared.get(failure.uid)
                content_hash = stored.draft.content_hash if stored else None
                await writer.bury(failure, batch.hashes.get(failure.uid, content_hash))
            if batch.cursor is not None:
                await uow.mailboxes.set_cursor(
                    mailbox.id, uidvalidity=mailbox.uidvalidity or 0, last_uid=batch.cursor
                )
            faults.reach("before-commit")
            # Before the commit, which wakes those who deliver.
            self._scope.metrics.announced(writer.announced, batch.detected)
            await uow.commit()
        self._count(writer.announced.values(), failures, batch.detected)
        _log.info(
            "batch_committed",
            account=self._scope.account,
            mailbox=mailbox.name,
            new=sum(isinstance(outcome, New) for outcome in outcomes),
            moved=sum(isinstance(outcome, Relocated) for outcome in outcomes),
            failed=len(failures),
        )

    def _count(
        self, decisions: Collection[Decision], failures: Sequence[Rejected], detected: float | None
    ) -> None:
        metrics, account = self._scope.metrics, self._scope.account
        metrics.committed(account, [decision.category.value for decision in decisions], detected)
        for decision in decisions:
            for stage in decision.errors:
                metrics.stage_failed(stage)
        for failure in failures:
            metrics.failed(account, failure.stage)

    async def _advance(self, mailbox: MailboxRecord, end: int) -> None:
        """Let the cursor pass what is gone or known above the last message taken in."""
        async with self._scope.storage.unit_of_work() as uow:
            await uow.mailboxes.set_cursor(
                mailbox.id, uidvalidity=mailbox.uidvalidity or 0, last_uid=end
            )
            await uow.commit()


def _lingering(
    arrivals: Sequence[Arrival],
    candidates: Sequence[Candidate],
    gone: set[int],
    mailbox: str,
) -> bool:
    """True if an arrival that counts as new has a source that is still there."""
    outcomes = classify(arrivals, candidates, gone, mailbox)
    new = {outcome.uid for outcome in outcomes if isinstance(outcome, New)}
    doubts = doubtful([item for item in arrivals if item.uid in new], candidates, mailbox)
    return any(candidate.message_id not in gone for candidate in doubts)
