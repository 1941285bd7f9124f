"""The analysis of attachments in the service: after the commit of a message, a step of its own.

The commit that stores a message also notes that its attachments wait, so nothing that is committed
is forgotten. What is found, the end of the waiting and the event are one transaction: whoever dies
before it begins again at the next start, and nobody is told twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from sage_mail import faults
from sage_mail.attachments.analyst import Analyst
from sage_mail.attachments.claims import outline
from sage_mail.attachments.facts import AttachmentFacts, Status, Thumbnail
from sage_mail.attachments.request import Answer, Request
from sage_mail.confinement import Limits
from sage_mail.delivery.announce import Subscriber, announce
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.delivery.payloads import attachments_data
from sage_mail.errors import StorageError
from sage_mail.records import AttachmentFactsRecord, AttachmentRecord, MessageRecord
from sage_mail.storage import BlobMissing, RecordRejected, Storage
from sage_mail.telemetry import get_logger

__all__ = ["AttachmentWorker", "Options"]

_log = get_logger(__name__)

_MIB: Final = 1024 * 1024
# Other processes may commit to the same database, of which no signal tells.
_LOOK_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 5.0
# So much time has a message; fifty attachments that all take theirs would take four minutes.
_MESSAGE_SECONDS: Final = 60.0

_TOO_MANY: Final = "the message has too many attachments"
_TOO_LATE: Final = "the attachments before it took too long"
_MISSING: Final = "its octets are not kept any more"
_REFUSED: Final = "what was found could not be stored"


class Options(Protocol):
    """The settings of the worker; `AttachmentSettings` are these."""

    @property
    def thumbnails(self) -> bool:
        """Whether small pictures of images are drawn and kept."""

    @property
    def processes(self) -> int:
        """How many children there are."""

    @property
    def timeout(self) -> float:
        """The seconds of one attachment."""

    @property
    def memory(self) -> int:
        """The address space of a child in MiB."""

    @property
    def max_size(self) -> int:
        """The largest attachment that is read, in MiB."""

    @property
    def max_count(self) -> int:
        """How many attachments of a message are read."""


class AttachmentWorker:
    """Analyses the attachments of the messages that wait for it, as long as `run` runs."""

    def __init__(
        self, storage: Storage, options: Options, endpoints: Sequence[Subscriber] = ()
    ) -> None:
        self._storage = storage
        self._options = options
        self._endpoints = endpoints
        self._in_hand: set[int] = set()

    async def run(self) -> None:
        """Analyse what waits and what will come, until cancelled; no child is left then."""
        options = self._options
        limits = Limits(seconds=options.timeout, memory=options.memory * _MIB)
        analyst = Analyst(limits, count=options.processes, largest=options.max_size * _MIB)
        slots = asyncio.Semaphore(options.processes)
        self._in_hand.clear()
        try:
            async with self._storage.commits.subscribe() as wakeups, asyncio.TaskGroup() as group:
                while True:
                    await slots.acquire()
                    message_id = await self._next()
                    if message_id is None:
                        slots.release()
                        await wakeups.wait(_LOOK_SECONDS)
                        continue
                    self._in_hand.add(message_id)
                    group.create_task(self._take(analyst, message_id, slots))
        finally:
            await asyncio.to_thread(analyst.close)

    async def _next(self) -> int | None:
        """The oldest message that waits and that nobody has in hand."""
        async with self._storage.read() as uow:
            waiting = await uow.analyses.pending(limit=len(self._in_hand) + 1)
        return next((one for one in waiting if one not in self._in_hand), None)

    async def _take(self, analyst: Analyst, message_id: int, slots: asyncio.Semaphore) -> None:
        try:
            await self._analyse(analyst, message_id)
            self._in_hand.discard(message_id)
        except StorageError as error:
            # The message waits on; the database may be back after a pause.
            _log.error("analysis_failed", message=message_id, error=str(error))
            await asyncio.sleep(_PAUSE_SECONDS)
            self._in_hand.discard(message_id)
        except Exception as error:  # noqa: BLE001 - the bulkhead: one message never costs the others
            # A bug of ours, which would show again at once: it stays in hand until the next start.
            kind = type(error).__name__
            _log.error("analysis_crashed", message=message_id, error=kind, exc_info=True)
        finally:
            slots.release()

    async def _analyse(self, analyst: Analyst, message_id: int) -> None:
        async with self._storage.read() as uow:
            message = await uow.messages.get(message_id)
            attachments = await uow.messages.attachments(message_id)
        if message is None:
            return
        began = asyncio.get_running_loop().time()
        found = await self._facts(analyst, message, attachments)
        faults.reach("after-analysis")
        try:
            await self._record(message_id, attachments, found)
        except RecordRejected:
            refused = [_outlined(one, Status.CRASHED, _REFUSED) for one in attachments]
            await self._record(message_id, attachments, refused)
        _log.info(
            "attachments_analysed",
            message=message_id,
            count=len(attachments),
            failed=sum(facts.status in _FAILED for facts in found),
            seconds=round(asyncio.get_running_loop().time() - began, 3),
        )

    async def _facts(
        self, analyst: Analyst, message: MessageRecord, attachments: Sequence[AttachmentRecord]
    ) -> list[AttachmentFacts]:
        loop = asyncio.get_running_loop()
        until = loop.time() + _MESSAGE_SECONDS
        most = self._options.max_count
        # The same logo comes again and again.
        known: dict[tuple[str, str, str], AttachmentFacts] = {}
        found: list[AttachmentFacts] = []
        for number, attachment in enumerate(attachments):
            key = (attachment.sha256, attachment.filename, attachment.content_type)
            if key not in known and len(known) >= most:
                facts = _outlined(attachment, Status.SKIPPED, _TOO_MANY)
            elif key not in known and loop.time() > until:
                facts = _outlined(attachment, Status.SKIPPED, _TOO_LATE)
            else:
                facts = known.get(key) or await self._look(analyst, message, attachment)
                known[key] = facts
            found.append(facts)
            if number % most == 0:
                await asyncio.sleep(0)
        return found

    async def _look(
        self, analyst: Analyst, message: MessageRecord, attachment: AttachmentRecord
    ) -> AttachmentFacts:
        if attachment.size > self._options.max_size * _MIB:
            problem = f"it is larger than {self._options.max_size} MiB"
            return _outlined(attachment, Status.SKIPPED, problem)
        try:
            data = await self._storage.blobs.read(attachment.sha256)
        except BlobMissing:
            return _outlined(attachment, Status.SKIPPED, _MISSING)
        request = Request(
            filename=attachment.filename,
            content_type=attachment.content_type,
            sent=message.date or message.internal_date,
            thumbnail=self._options.thumbnails,
        )
        return await self._with_thumbnail(await analyst.analyse(request, data))

    async def _with_thumbnail(self, answer: Answer) -> AttachmentFacts:
        """The facts, with the picture in the blob store before anything refers to it."""
        facts, picture = answer.facts, answer.picture
        if picture is None or facts.image is None:
            return facts
        thumbnail = Thumbnail(
            sha256=await self._storage.blobs.put(picture.data),
            content_type=picture.content_type,
            width=picture.width,
            height=picture.height,
            size=len(picture.data),
        )
        image = facts.image.model_copy(update={"thumbnail": thumbnail})
        return facts.model_copy(update={"image": image})

    async def _record(
        self,
        message_id: int,
        attachments: Sequence[AttachmentRecord],
        found: Sequence[AttachmentFacts],
    ) -> None:
        records = [
            AttachmentFactsRecord(
                message_id=message_id,
                position=attachment.position,
                status=facts.status,
                detected_type=facts.detected_type,
                details=_details(facts),
            )
            for attachment, facts in zip(attachments, found, strict=True)
        ]
        now = datetime.now(UTC)
        async with self._storage.unit_of_work() as uow:
            # It may have moved meanwhile.
            message = await uow.messages.get(message_id)
            if message is None or not await uow.analyses.finish(message_id, records, now):
                return
            event = NewEvent(
                type=EventType.MESSAGE_ATTACHMENTS,
                account=message.account,
                mailbox=message.mailbox,
                message_id=message_id,
                occurred_at=now,
                data=attachments_data(message, attachments, records),
            )
            await announce(uow, event, self._endpoints)
            await uow.commit()


_FAILED: Final = frozenset({Status.TIMED_OUT, Status.OUT_OF_MEMORY, Status.CRASHED})


def _outlined(attachment: AttachmentRecord, status: Status, problem: str) -> AttachmentFacts:
    """What name and type alone tell, and why nothing more is known."""
    facts = outline(attachment.filename, attachment.content_type, b"")
    return facts.model_copy(update={"status": status, "problem": problem})


def _details(facts: AttachmentFacts) -> dict[str, Any]:
    told = facts.model_dump(mode="json", exclude_defaults=True)
    return {**told, "status": str(facts.status), "findings": list(map(str, facts.findings))}
