"""Values to store, complete and unremarkable unless a test says otherwise."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.records import (
    ActionKind,
    NewAction,
    NewDeadLetter,
    NewMessage,
)
from sage_mail.storage import Storage, UnitOfWork

__all__ = [
    "NOW",
    "Place",
    "action",
    "announced",
    "dead_letter",
    "event",
    "later",
    "message",
    "place",
    "stored",
]

NOW = datetime(2024, 5, 17, 9, 30, 15, 123456, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Place:
    """An account and one mailbox of it, as they are in the database."""

    account_id: int
    mailbox_id: int


async def place(storage: Storage, account: str = "office", mailbox: str = "INBOX") -> Place:
    async with storage.unit_of_work() as uow:
        account_id = (await uow.accounts.get_or_create(account)).id
        mailbox_id = (await uow.mailboxes.get_or_create(account_id, mailbox)).id
        await uow.commit()
    return Place(account_id, mailbox_id)


def message(where: Place, uid: int = 1, **changes: Any) -> NewMessage:
    digest = hashlib.sha256(str(uid).encode()).hexdigest()
    values: dict[str, Any] = {
        "mailbox_id": where.mailbox_id,
        "uidvalidity": 7,
        "uid": uid,
        "fingerprint": digest,
        "content_hash": digest,
        "size": 1234,
        "first_seen_at": NOW,
        "subject": f"Message {uid}",
    }
    return NewMessage(**values | changes)


def event(message_id: int | None = None, **changes: Any) -> NewEvent:
    values: dict[str, Any] = {
        "type": EventType.MESSAGE_NEW,
        "account": "office",
        "mailbox": "INBOX",
        "message_id": message_id,
        "occurred_at": NOW,
        "data": {"subject": "Hello"},
    }
    return NewEvent(**values | changes)


def dead_letter(where: Place, uid: int = 1, **changes: Any) -> NewDeadLetter:
    values: dict[str, Any] = {
        "mailbox_id": where.mailbox_id,
        "uidvalidity": 7,
        "uid": uid,
        "stage": "store",
        "reason": "the database refuses a record",
        "created_at": NOW,
    }
    return NewDeadLetter(**values | changes)


def action(where: Place, message_id: int, **changes: Any) -> NewAction:
    values: dict[str, Any] = {
        "message_id": message_id,
        "kind": ActionKind.MOVE,
        "mailbox_id": where.mailbox_id,
        "uidvalidity": 7,
        "uid": 1,
        "target": "Support",
        "created_at": NOW,
    }
    return NewAction(**values | changes)


async def stored(storage: Storage, new: NewMessage) -> int:
    async with storage.unit_of_work() as uow:
        message_id = await uow.messages.add(new)
        await uow.commit()
    return message_id


async def announced(uow: UnitOfWork, endpoint: str = "hook", **changes: Any) -> int:
    """Append an event with one delivery; the event's number."""
    record = await uow.events.append(event(**changes))
    await uow.outbox.add(record, endpoint)
    return record.seq
