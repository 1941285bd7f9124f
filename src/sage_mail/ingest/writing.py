"""What is written of a batch: rows, events, planned actions and dead letters, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sage_mail.delivery.announce import announce
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.delivery.payloads import Place, failed_data, message_data, moved_data
from sage_mail.ingest.fetched import Fetched
from sage_mail.ingest.matching import Origin, Relocated
from sage_mail.ingest.preparation import Prepared, Rejected
from sage_mail.ingest.scope import Scope
from sage_mail.keywords import PROCESSED
from sage_mail.pipeline import Decision
from sage_mail.records import (
    ActionKind,
    ActionStatus,
    MailboxRecord,
    MessageRecord,
    NewAction,
    NewDeadLetter,
    NewMessage,
)
from sage_mail.storage import RecordRejected, Storage, UnitOfWork
from sage_mail.telemetry import get_logger

__all__ = ["SEEN", "BatchWriter", "announce_move", "settle_actions", "write_blobs"]

_log = get_logger(__name__)

SEEN = "\\Seen"


async def write_blobs(
    storage: Storage, prepared: Iterable[Prepared], rejected: Iterable[Rejected]
) -> dict[int, str]:
    """Keep all octets before the transaction that refers to them; the hashes of rejected ones.

    Blobs to which no row refers in the end do no harm.
    """
    blobs = [blob for item in prepared for blob in item.blobs]
    unstored = [item for item in rejected if item.raw is not None]
    blobs += [item.raw for item in unstored if item.raw is not None]
    hashes = await storage.blobs.put_all(blobs)
    last = hashes[len(hashes) - len(unstored) :]
    return {item.uid: sha256 for item, sha256 in zip(unstored, last, strict=True)}


class BatchWriter:
    """Writes the messages of one mailbox into the caller's unit of work.

    ``announced`` holds the decision about each new message, by the number of its event.
    """

    def __init__(self, scope: Scope, uow: UnitOfWork, mailbox: MailboxRecord) -> None:
        if mailbox.uidvalidity is None:
            raise ValueError("the mailbox has not been seen yet")
        self._scope = scope
        self._uow = uow
        self._mailbox = mailbox
        self.announced: dict[int, Decision] = {}
        self._uidvalidity = mailbox.uidvalidity
        self._now = datetime.now(UTC)

    async def add(self, batch: Sequence[Prepared]) -> list[Rejected]:
        """Store, announce and plan the messages; of those that cannot be stored nothing, and why.

        All are written under one savepoint, which is what writing costs; if that fails, each is
        written anew under its own, so that a bad message costs itself alone.
        """
        try:
            await self._add_together(batch)
        except RecordRejected:
            refused = [await self._add_alone(prepared) for prepared in batch]
            return [rejected for rejected in refused if rejected is not None]
        return []

    async def _add_together(self, batch: Sequence[Prepared]) -> None:
        announced: dict[int, Decision] = {}
        async with self._uow.savepoint():
            messages = await self._uow.messages.add_all([prepared.draft for prepared in batch])
            for message, prepared in zip(messages, batch, strict=True):
                data = message_data(message, prepared.draft.attachments)
                seq = await self._announce(EventType.MESSAGE_NEW, message, data)
                announced[seq] = prepared.decision
                await self._plan(message, prepared)
                if self._scope.analyses and prepared.draft.attachments:
                    self._uow.analyses.request(message.id, self._now)
        self.announced.update(announced)

    async def _add_alone(self, prepared: Prepared) -> Rejected | None:
        try:
            await self._add_together([prepared])
        except RecordRejected as error:
            fetched = prepared.fetched
            if await self._uow.messages.find_at(self._mailbox.id, self._uidvalidity, fetched.uid):
                # Another process was faster. A UID is never given twice, so this is the message.
                return None
            return Rejected(fetched.uid, "storage", str(error), raw=fetched.raw)
        return None

    async def add_old(self, draft: NewMessage) -> None:
        """Store a message of before the first sight, without a word to anybody."""
        async with self._uow.savepoint():
            await self._uow.messages.add(draft)

    async def relocate(self, outcome: Relocated, fetched: Fetched) -> None:
        """The known message is here now."""
        candidate = outcome.candidate
        # A move of ours was announced when it was made; only its UID was not known then.
        landed = candidate.uid is None and candidate.mailbox == self._mailbox.name
        if candidate.state == "present" and candidate.mailbox != self._mailbox.name:
            self._scope.found_elsewhere[candidate.mailbox] += 1
        async with self._uow.savepoint():
            await self._uow.messages.relocate(
                candidate.message_id,
                mailbox_id=self._mailbox.id,
                uidvalidity=self._uidvalidity,
                uid=fetched.uid,
            )
            await self._uow.messages.set_flags(
                candidate.message_id, fetched.flags, modseq=fetched.modseq
            )
            place = Place(self._mailbox.name, self._uidvalidity, fetched.uid)
            await settle_actions(self._uow, candidate.message_id, place, self._now)
            if not landed:
                source = Place(candidate.mailbox, candidate.uidvalidity, candidate.uid)
                await announce_move(
                    self._scope, self._uow, candidate.message_id, source, by=outcome.by
                )

    async def bury(self, rejected: Rejected, content_hash: str | None) -> None:
        """Make a dead letter of a message that cannot be stored, and say so."""
        letter = await self._uow.dead_letters.add(
            NewDeadLetter(
                mailbox_id=self._mailbox.id,
                uidvalidity=self._uidvalidity,
                uid=rejected.uid,
                stage=rejected.stage,
                reason=rejected.reason,
                detail=rejected.detail,
                content_hash=content_hash,
                created_at=self._now,
            )
        )
        place = Place(self._mailbox.name, self._uidvalidity, rejected.uid)
        data = failed_data(
            self._scope.account,
            place,
            stage=rejected.stage,
            reason=rejected.reason,
            dead_letter=letter.id,
        )
        await self._announce(EventType.MESSAGE_FAILED, None, data)
        _log.warning(
            "message_failed",
            account=self._scope.account,
            mailbox=self._mailbox.name,
            uid=rejected.uid,
            stage=rejected.stage,
            reason=rejected.reason,
        )

    async def _plan(self, message: MessageRecord, prepared: Prepared) -> None:
        """Plan what the decision asks for, if the settings allow it."""
        decision, routing = prepared.decision, self._scope.routing
        folder = decision.target_folder if routing.enabled else None
        flags = [SEEN] if folder is not None and decision.mark_seen else []
        if routing.mark_processed:
            flags.append(PROCESSED)
        if missing := [flag for flag in flags if flag not in message.flags]:
            action = self._action(message, ActionKind.ADD_FLAGS, " ".join(missing))
            await self._uow.actions.plan(action)
        if folder is None:
            return
        target = self._scope.names.on_server(folder)
        if target != self._mailbox.name:
            await self._uow.actions.plan(self._action(message, ActionKind.MOVE, target))

    def _action(self, message: MessageRecord, kind: ActionKind, target: str) -> NewAction:
        return NewAction(
            message_id=message.id,
            kind=kind,
            mailbox_id=self._mailbox.id,
            uidvalidity=self._uidvalidity,
            uid=message.uid or 0,
            target=target,
            created_at=self._now,
        )

    async def _announce(
        self, type_: EventType, message: MessageRecord | None, data: dict[str, object]
    ) -> int:
        event = NewEvent(
            type=type_,
            account=self._scope.account,
            mailbox=self._mailbox.name,
            message_id=message.id if message is not None else None,
            occurred_at=self._now,
            data=data,
        )
        return (await announce(self._uow, event, self._scope.endpoints)).seq


async def announce_move(
    scope: Scope, uow: UnitOfWork, message_id: int, source: Place, *, by: Origin
) -> None:
    """Tell that the message has moved from *source* to where its row says, if it was ever told of.

    Mail of before the first sight was not, and is not now.
    """
    message = await uow.messages.get(message_id)
    if message is None or not message.announced:
        return
    event = NewEvent(
        type=EventType.MESSAGE_MOVED,
        account=scope.account,
        mailbox=message.mailbox,
        message_id=message.id,
        occurred_at=datetime.now(UTC),
        data=moved_data(message, source, by=by),
    )
    await announce(uow, event, scope.endpoints)


async def settle_actions(uow: UnitOfWork, message_id: int, place: Place, at: datetime) -> None:
    """Settle the planned actions of a message that has been found at this place.

    A move to there is done. Any other has been overtaken by whoever moved the message: his will is
    newer. Flags are still to be set, at the new place.
    """
    for action in await uow.actions.for_message(message_id):
        if action.status is not ActionStatus.PLANNED or action.kind is not ActionKind.MOVE:
            continue
        if action.target == place.mailbox:
            await uow.actions.done(action.id, at=at, uidvalidity=place.uidvalidity, uid=place.uid)
        else:
            await uow.actions.void(action.id, "somebody has moved the message", at=at)
    message = await uow.messages.get(message_id)
    if message is not None and place.uidvalidity is not None and place.uid is not None:
        await uow.actions.follow(
            message_id, mailbox_id=message.mailbox_id, uidvalidity=place.uidvalidity, uid=place.uid
        )
