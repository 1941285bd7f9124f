"""The analysis after the commit: nothing is forgotten, nothing told twice, nobody waits for it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from sage_mail.attachments.worker import AttachmentWorker
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.records import EventRecord, NewAttachment
from sage_mail.settings import AttachmentSettings
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import NOW, event, message, place
from tests.support import hostile_files as hostile

pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True)
class _File:
    name: str
    content_type: str
    data: bytes


_INVOICE = _File(
    "invoice.pdf",
    "application/pdf",
    hostile.pdf("Invoice Number: INV-2024-0042", "Total: EUR 119.00"),
)
_PHOTO = _File("photo.png", "image/png", hostile.image())


async def _arrived(storage: Storage, *files: _File, uid: int = 1) -> int:
    """A message with these attachments, as the intake commits it."""
    where = await place(storage)
    attachments = [
        NewAttachment(
            filename=file.name,
            content_type=file.content_type,
            size=len(file.data),
            sha256=await storage.blobs.put(file.data),
        )
        for file in files
    ]
    async with storage.unit_of_work() as uow:
        message_id = await uow.messages.add(message(where, uid, attachments=tuple(attachments)))
        await uow.events.append(event(message_id))
        uow.analyses.request(message_id, NOW)
        await uow.commit()
    return message_id


@asynccontextmanager
async def _working(storage: Storage, **changes: Any) -> AsyncIterator[None]:
    worker = AttachmentWorker(storage, AttachmentSettings(**changes))
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()


async def _told(storage: Storage, count: int = 1) -> Sequence[EventRecord]:
    """The events of so many analyses."""
    async with asyncio.timeout(60), storage.commits.subscribe() as wakeups:
        while True:
            async with storage.read() as uow:
                found = await uow.events.after(0, limit=1000, types=[EventType.MESSAGE_ATTACHMENTS])
            if len(found) >= count:
                return found
            await wakeups.wait(1.0)


async def test_what_is_found_is_stored_and_told(storage: Storage) -> None:
    """Facts, thumbnail and event appear at once; text and lists stay in the store."""
    archive = _File("a.zip", "application/zip", hostile.plain_zip({"../x.txt": b"x"}))
    async with _working(storage):
        message_id = await _arrived(storage, _INVOICE, _PHOTO, archive)
        (told,) = await _told(storage)
    invoice, photo, zipped = told.data["attachments"]
    assert (told.message_id, told.mailbox) == (message_id, "INBOX")
    assert (invoice["filename"], invoice["status"]) == ("invoice.pdf", "ok")
    assert invoice["document"] == {"pages": 1, "version": "1.4"}
    assert [fact["value"] for fact in invoice["order"]["invoice_numbers"]] == ["INV-2024-0042"]
    assert invoice["order"]["total"]["value"] == {"amount": "119.00", "currency": "EUR"}
    assert zipped["findings"] == ["unsafe_path"]
    assert "entries" not in zipped["archive"]
    async with storage.read() as uow:
        facts = await uow.analyses.facts(message_id)
        assert await uow.analyses.pending(limit=10) == []
    assert [one.detected_type for one in facts] == [
        "application/pdf",
        "image/png",
        "application/zip",
    ]
    assert "INV-2024-0042" in facts[0].details["document"]["text"]
    assert facts[2].details["archive"]["entries"][0]["name"] == "../x.txt"
    thumbnail = photo["image"]["thumbnail"]
    drawn = await storage.blobs.read(thumbnail["sha256"])
    assert (len(drawn), thumbnail["width"]) == (thumbnail["size"], 256)


async def test_what_waited_is_made_at_the_next_start(storage: Storage) -> None:
    """Messages that were committed before a crash are analysed after it, each once."""
    waiting = [await _arrived(storage, _INVOICE, uid=uid) for uid in range(1, 6)]
    async with _working(storage):
        await _told(storage, 5)
    async with _working(storage):
        later = await _arrived(storage, _INVOICE, uid=9)
        told = await _told(storage, 6)
    assert sorted(one.message_id or 0 for one in told) == [*waiting, later]


async def test_a_hostile_attachment_costs_only_itself(storage: Storage) -> None:
    """The others of its message are read, and so are other messages meanwhile."""
    bomb = _File("bomb.pdf", "application/pdf", hostile.form_bomb_pdf())
    async with _working(storage, timeout=6):
        slow = await _arrived(storage, bomb, _INVOICE, uid=1)
        quick = await _arrived(storage, _INVOICE, uid=2)
        told = await _told(storage, 2)
    assert [one.message_id for one in told] == [quick, slow]
    hurt, well = told[1].data["attachments"]
    assert hurt["status"] in ("timed_out", "crashed", "out_of_memory")
    assert well["status"] == "ok"


async def test_a_thousand_attachments(storage: Storage) -> None:
    """So many are read as the settings say, the same octets once; all are told in a short event."""
    files = [
        *[_File("logo.png", "image/png", hostile.image(size=(9, 9)))] * 100,
        *[_File(f"{n}.txt", "text/plain", b"%d" % n) for n in range(900)],
    ]
    async with _working(storage, max_count=20):
        message_id = await _arrived(storage, *files)
        (told,) = await _told(storage)
    async with storage.read() as uow:
        facts = await uow.analyses.facts(message_id)
    assert [one.status for one in facts] == ["ok"] * 119 + ["skipped"] * 881
    assert facts[-1].details["problem"] == "the message has too many attachments"
    assert len(told.data["attachments"]) == 100
    assert told.data["truncated"] == ["attachments"]


async def test_without_thumbnails_and_above_the_size(storage: Storage) -> None:
    """Nothing is drawn where none is wanted; what is too large is not even read."""
    large = _File("large.bin", "application/octet-stream", bytes(1024 * 1024 + 1))
    async with _working(storage, thumbnails=False, max_size=1):
        await _arrived(storage, _PHOTO, large)
        (told,) = await _told(storage)
    photo, skipped = told.data["attachments"]
    assert "thumbnail" not in photo["image"]
    assert (skipped["status"], skipped["problem"]) == ("skipped", "it is larger than 1 MiB")


async def test_octets_that_are_gone(storage: Storage) -> None:
    """An attachment whose octets are not kept any more is told as such."""
    message_id = await _arrived(storage, _PHOTO)
    async with storage.read() as uow:
        (record,) = await uow.messages.attachments(message_id)
    with sqlite3.connect(storage.blobs.root / "small.db") as blobs:
        blobs.execute("DELETE FROM blob WHERE sha256 = ?", (bytes.fromhex(record.sha256),))
    blobs.close()
    async with _working(storage):
        (told,) = await _told(storage)
    (photo,) = told.data["attachments"]
    assert (photo["status"], photo["problem"]) == ("skipped", "its octets are not kept any more")


class _Broken:
    """An endpoint of which the message with UID 1 makes a bug."""

    name = "broken"

    def wants(self, event: NewEvent) -> bool:
        if event.data["uid"] == 1:
            raise ZeroDivisionError
        return False


async def test_a_bug_costs_one_message(storage: Storage) -> None:
    """A message whose analysis fails by a bug waits for the next start, and holds up no other."""
    hurt = await _arrived(storage, _PHOTO, uid=1)
    well = await _arrived(storage, _PHOTO, uid=2)
    worker = AttachmentWorker(storage, AttachmentSettings(processes=1), [_Broken()])
    running = asyncio.create_task(worker.run())
    (told,) = await _told(storage)
    running.cancel()
    await asyncio.wait([running])
    assert told.message_id == well
    async with storage.read() as uow:
        assert await uow.analyses.pending(limit=10) == [hurt]
    async with _working(storage):
        assert [one.message_id for one in await _told(storage, 2)] == [well, hurt]


async def test_two_workers_tell_once(storage: Storage) -> None:
    """Two processes that analyse the same message agree on who tells."""
    await _arrived(storage, _INVOICE)
    async with _working(storage), _working(storage):
        await _told(storage)
        await _arrived(storage, _PHOTO, uid=2)
        told = await _told(storage, 2)
        await asyncio.sleep(0)
    assert len(told) == 2


async def test_a_stop_is_prompt(storage: Storage) -> None:
    """A worker in the middle of an endless file ends at once, and the message waits on."""
    bomb = _File("bomb.pdf", "application/pdf", hostile.form_bomb_pdf())
    message_id = await _arrived(storage, bomb)
    worker = AttachmentWorker(storage, AttachmentSettings(timeout=8))
    running = asyncio.create_task(worker.run())
    while message_id not in worker._in_hand:
        await asyncio.sleep(0.01)
    running.cancel()
    async with asyncio.timeout(7):
        await asyncio.wait([running])
    async with storage.read() as uow:
        assert await uow.analyses.pending(limit=10) == [message_id]
