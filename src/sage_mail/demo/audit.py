"""Whether the demo's counts add up: what was sent, stored, announced, received and filed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sage_imap.aio import IMAPClient
from sage_imap.config import IMAPConfig
from sage_mail.delivery.events import EventType
from sage_mail.demo.phone import Phone
from sage_mail.demo.receiver import Receiver
from sage_mail.records import DeliveryStatus, MessageRecord
from sage_mail.storage import Storage

__all__ = ["Account", "take_stock"]

# More than any demo brings; beyond it the audit would say so, not overlook it.
_MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Account:
    """The demo's books at its end: mails by what happened to them."""

    arrived: int
    stored: int
    announced: int
    received: int
    repeated: int
    refused: int
    rung: int
    not_rung: int
    filed: int
    told_of_filing: int
    dead: int
    misfiled: int
    in_folders: Counter[str]
    categories: Counter[str]

    def problems(self) -> Iterator[str]:
        """What does not add up, a sentence each; nothing if all does."""
        if self.dead:
            yield f"{self.dead} mails became dead letters"
        yield from _differ("arrived", self.arrived, "stored", self.stored + self.dead)
        yield from _differ("stored", self.stored, "announced", self.announced)
        yield from _differ("announced", self.announced, "received by the receiver", self.received)
        yield from _differ("filed", self.filed, "received as filed", self.told_of_filing)
        yield from _differ("arrived", self.arrived, "on the server", self.in_folders.total())
        if self.not_rung:
            yield f"{self.not_rung} notifications did not reach the telephone"
        if self.refused:
            yield f"{self.refused} deliveries had a signature that is wrong"
        if self.misfiled:
            yield f"{self.misfiled} mails are not in the folder that their decision names"


async def take_stock(
    storage: Storage, receiver: Receiver, phone: Phone, server: IMAPConfig, arrived: int
) -> Account:
    """The books, from the database, the receiver, the telephone and the mail server."""
    async with storage.read() as uow:
        messages = await uow.messages.latest(_MOST)
        events = await uow.events.after(0, limit=_MOST)
        dead = await uow.dead_letters.count()
        notifications = (await uow.outbox.counts()).get("phone", {})
    types = Counter(event.type for event in events)
    return Account(
        arrived=arrived,
        stored=len(messages),
        announced=types[EventType.MESSAGE_NEW],
        received=receiver.by_type[EventType.MESSAGE_NEW],
        repeated=receiver.repeated,
        refused=receiver.refused,
        rung=len(phone.titles),
        not_rung=sum(n for s, n in notifications.items() if s is not DeliveryStatus.DELIVERED),
        filed=types[EventType.MESSAGE_MOVED],
        told_of_filing=receiver.by_type[EventType.MESSAGE_MOVED],
        dead=dead,
        misfiled=sum(not _is_filed(message) for message in messages),
        in_folders=await _count_folders(server),
        categories=Counter(message.decision.category or "general" for message in messages),
    )


def _is_filed(message: MessageRecord) -> bool:
    target = message.decision.details.get("target_folder")
    return message.mailbox == (target or "INBOX")


async def _count_folders(server: IMAPConfig) -> Counter[str]:
    counts: Counter[str] = Counter()
    async with IMAPClient(server) as client:
        for mailbox in await client.list():
            if mailbox.selectable:
                counts[mailbox.name] = (await client.status(mailbox.name)).messages or 0
    return counts


def _differ(one: str, left: int, other: str, right: int) -> Iterator[str]:
    if left != right:
        yield f"{left} mails {one}, but {right} {other}"
