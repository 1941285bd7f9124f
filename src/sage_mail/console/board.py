"""The live board: the latest mails with what was decided, done and told of each, and to whom.

A board follows the event log, so that a refresh costs what has changed and not what there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sage_mail.delivery.events import EventType
from sage_mail.records import (
    DeliveryRecord,
    DeliveryStatus,
    EndpointRecord,
    EventRecord,
    MessageRecord,
)
from sage_mail.storage import Storage, UnitOfWork

__all__ = ["Board", "Counts", "Endpoint", "Mail", "Sending"]

_MOST_EVENTS: Final = 1000
_MOST_REASONS: Final = 6
_MOST_SENDINGS: Final = 8
_LATEST: Final = 50


@dataclass(frozen=True, slots=True)
class Counts:
    """Of all mails that the store has seen, not only of those shown.

    ``delivered`` and ``pending`` are deliveries: one an event and endpoint.
    """

    stored: int = 0
    delivered: int = 0
    filed: int = 0
    pending: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one delivery stands."""

    endpoint: str
    status: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One that hears of events; ``reason`` says why it is disabled."""

    name: str
    enabled: bool
    reason: str | None
    delivered: int
    pending: int
    failed: int


@dataclass(frozen=True, slots=True)
class Sending:
    """One of the latest deliveries that were tried.

    ``next_attempt_at`` is ISO 8601, None for one that is over.
    """

    endpoint: str
    event: str
    subject: str
    status: str
    attempts: int
    next_attempt_at: str | None
    error: str | None


@dataclass(slots=True)
class Mail:
    """One mail as it is shown; ``stored_at`` is ISO 8601."""

    id: int
    stored_at: str
    sender: str
    subject: str
    category: str
    confidence: float
    priority: str
    mailbox: str
    target: str | None
    reasons: list[str]
    filed: bool = False
    deliveries: list[Delivery] = field(default_factory=list)


class Board:
    """The latest *most* mails of a store."""

    def __init__(self, storage: Storage, *, most: int = 60) -> None:
        self.counts = Counts()
        self.endpoints: list[Endpoint] = []
        self.sendings: list[Sending] = []
        self._storage = storage
        self._most = most
        self._mails: dict[int, Mail] = {}
        self._seq = 0
        self._announced: dict[
            int, int
        ] = {}  # the row of a mail that is shown: the number of its event
        self._moved: set[int] = set()  # mails that we have filed
        self._unsettled: set[int] = set()  # mails whose deliveries may still change
        self._filed = 0
        self._total = 0

    @property
    def mails(self) -> list[Mail]:
        """The mails, newest first."""
        return list(reversed(self._mails.values()))

    def as_json(self) -> dict[str, Any]:
        """The board as values that ``json.dumps`` takes."""
        return {
            "counts": asdict(self.counts),
            "endpoints": [asdict(endpoint) for endpoint in self.endpoints],
            "sendings": [asdict(sending) for sending in self.sendings],
            "mails": [asdict(mail) for mail in self.mails],
        }

    async def refresh(self) -> None:
        """Take over what was committed since the last call."""
        async with self._storage.read() as uow:
            while events := await uow.events.after(self._seq, limit=_MOST_EVENTS):
                self._seq = events[-1].seq
                await self._take(uow, events)
            for message_id in tuple(self._unsettled):
                await self._settle(uow, message_id)
            await self._count(uow)
            latest = await uow.outbox.latest(_LATEST)
            tried = [each for each in latest if each.attempts]  # the others are but a number
            self.sendings = [_sending(each) for each in tried[:_MOST_SENDINGS]]

    async def _take(self, uow: UnitOfWork, events: Sequence[EventRecord]) -> None:
        for event in events:
            self._note(event)
        # Each of them once, and none that is not shown, however many events there are.
        for message_id in dict.fromkeys(event.message_id for event in events):
            if message_id is not None and message_id in self._announced:
                await self._show(uow, message_id)

    def _note(self, event: EventRecord) -> None:
        if event.message_id is None:
            return
        if event.type == EventType.MESSAGE_NEW:
            self._total += 1
            self._announced[event.message_id] = event.seq
            if len(self._announced) > self._most:
                self._drop(next(iter(self._announced)))
        elif event.type == EventType.MESSAGE_MOVED and event.data["moved"]["by"] == "sage":
            self._filed += 1
            if event.message_id in self._announced:
                self._moved.add(event.message_id)

    def _drop(self, message_id: int) -> None:
        del self._announced[message_id]
        self._mails.pop(message_id, None)
        self._moved.discard(message_id)
        self._unsettled.discard(message_id)

    async def _show(self, uow: UnitOfWork, message_id: int) -> None:
        message = await uow.messages.get(message_id)
        if message is None:
            return
        mail, known = _mail(message), self._mails.get(message_id)
        mail.filed = message_id in self._moved
        if known is None:
            self._unsettled.add(message_id)
        else:
            mail.deliveries = known.deliveries
        self._mails[message_id] = mail

    async def _settle(self, uow: UnitOfWork, message_id: int) -> None:
        deliveries = await uow.outbox.for_event(self._announced[message_id])
        self._mails[message_id].deliveries = [
            Delivery(delivery.endpoint, str(delivery.status), delivery.attempts)
            for delivery in deliveries
        ]
        if all(delivery.status != DeliveryStatus.PENDING for delivery in deliveries):
            self._unsettled.discard(message_id)

    async def _count(self, uow: UnitOfWork) -> None:
        outbox = await uow.outbox.counts()
        self.endpoints = [
            _endpoint(await uow.endpoints.get(name), by) for name, by in sorted(outbox.items())
        ]
        self.counts = Counts(
            stored=self._total,
            delivered=sum(each.delivered for each in self.endpoints),
            filed=self._filed,
            pending=sum(each.pending for each in self.endpoints),
            dead=await uow.dead_letters.count(),
        )


def _endpoint(noted: EndpointRecord, counts: Mapping[DeliveryStatus, int]) -> Endpoint:
    return Endpoint(
        name=noted.name,
        enabled=noted.enabled,
        reason=noted.reason,
        delivered=counts.get(DeliveryStatus.DELIVERED, 0),
        pending=counts.get(DeliveryStatus.PENDING, 0),
        failed=counts.get(DeliveryStatus.FAILED, 0),
    )


def _sending(delivery: DeliveryRecord) -> Sending:
    due = delivery.next_attempt_at
    return Sending(
        endpoint=delivery.endpoint,
        event=delivery.event.type,
        subject=str(delivery.event.data.get("subject") or ""),
        status=str(delivery.status),
        attempts=delivery.attempts,
        next_attempt_at=None if due is None else due.isoformat(),
        error=delivery.last_error,
    )


def _mail(message: MessageRecord) -> Mail:
    decision = message.decision
    sender = message.from_address
    return Mail(
        id=message.id,
        stored_at=message.first_seen_at.isoformat(),
        sender=(sender.name or sender.address) if sender is not None else "(no sender)",
        subject=message.subject,
        category=decision.category or "general",
        confidence=decision.confidence or 0.0,
        priority=decision.priority or "low",
        mailbox=message.mailbox,
        target=decision.details.get("target_folder"),
        reasons=_reasons(decision.details, decision.category or "general"),
    )


def _reasons(details: Mapping[str, Any], category: str) -> list[str]:
    """The weightiest rules that spoke for the category, in words."""
    rules = [rule for rule in details.get("reasons", ()) if rule["target"] == category]
    rules.sort(key=lambda rule: -abs(rule["weight"]))
    return [
        f"“{rule['rule']}” in the {rule['field']} ({rule['weight']:+.1f})"
        for rule in rules[:_MOST_REASONS]
    ]
