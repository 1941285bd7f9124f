"""How many messages a second are stored with all that belongs to them: ``storage.py [URL]``.

Each message has its own savepoint and brings a content, every second one an attachment, an event
and a delivery; fifty are committed at once, with the mailbox's cursor. Without a URL an SQLite
database in a temporary folder is used.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sage_imap.models.address import EmailAddress
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.records import NewAttachment, NewContent, NewMessage, StoredDecision
from sage_mail.storage import Storage, UnitOfWork

_BATCH = 50
_ROUNDS, _ROUND = 3, 1000
_BODY = "A line of the body, about seventy characters long with its end of line.\n" * 40
_HEADERS = tuple((f"Header-{number}", "the value of a header " * 3) for number in range(25))
_SOMEBODY = EmailAddress("Somebody", "somebody", "example.org")


def _message(mailbox_id: int, uid: int) -> NewMessage:
    digest = hashlib.sha256(str(uid).encode()).hexdigest()
    attachment = NewAttachment(
        filename="a.pdf", content_type="application/pdf", size=1, sha256=digest
    )
    return NewMessage(
        mailbox_id=mailbox_id,
        uidvalidity=1,
        uid=uid,
        fingerprint=digest,
        content_hash=digest,
        size=len(_BODY),
        first_seen_at=datetime.now(UTC),
        subject="A subject of ordinary length",
        from_address=_SOMEBODY,
        to_addresses=(_SOMEBODY,) * 2,
        date=datetime.now(UTC),
        decision=StoredDecision(category="general", confidence=0.5, details={"scores": {"a": 1}}),
        content=NewContent(plain=_BODY, html=_BODY, headers=_HEADERS, preview=_BODY[:200]),
        attachments=(attachment,) * (uid % 2),
    )


async def _store(uow: UnitOfWork, mailbox_id: int, uid: int) -> None:
    message_id = await uow.messages.add(_message(mailbox_id, uid))
    event = NewEvent(
        type=EventType.MESSAGE_NEW,
        account="bench",
        mailbox="INBOX",
        message_id=message_id,
        occurred_at=datetime.now(UTC),
        data={"preview": _BODY[:200]},
    )
    await uow.outbox.add(await uow.events.append(event), "hook")


async def _round(storage: Storage, mailbox_id: int, first: int) -> float:
    started = time.perf_counter()
    for start in range(first, first + _ROUND, _BATCH):
        async with storage.unit_of_work() as uow:
            for uid in range(start, start + _BATCH):
                async with uow.savepoint():
                    await _store(uow, mailbox_id, uid)
            await uow.mailboxes.set_cursor(mailbox_id, uidvalidity=1, last_uid=start + _BATCH - 1)
            await uow.commit()
    return _ROUND / (time.perf_counter() - started)


async def _measure(url: str, folder: Path) -> None:
    storage = await Storage.open(url, blob_dir=folder / "blobs")
    async with storage.unit_of_work() as uow:
        account = await uow.accounts.get_or_create("bench")
        mailbox = await uow.mailboxes.get_or_create(account.id, f"INBOX {time.time_ns()}")
        await uow.commit()
    for number in range(_ROUNDS):
        rate = await _round(storage, mailbox.id, 1 + number * _ROUND)
        print(f"{rate:.0f} messages/s")
    await storage.close()


def main() -> None:
    """Measure the database of the command line."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/bench.db"
        asyncio.run(_measure(url, Path(folder)))


if __name__ == "__main__":
    main()
