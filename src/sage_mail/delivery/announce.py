"""The one way in which an event comes into being: its row and its deliveries, in one transaction.

The caller owns the transaction and commits it. Nobody is told before that commit, and an endpoint
that wants the event cannot be forgotten after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from sage_mail.delivery.events import NewEvent

if TYPE_CHECKING:
    from sage_mail.records import EventRecord
    from sage_mail.storage import UnitOfWork

__all__ = ["Subscriber", "announce"]


class Subscriber(Protocol):
    """What `announce` needs to know about an endpoint; `WebhookSettings` is one."""

    @property
    def name(self) -> str:
        """The endpoint's name, under which its deliveries are kept."""

    def wants(self, event: NewEvent) -> bool:
        """Whether the event is to be delivered to it."""


async def announce(
    uow: UnitOfWork, event: NewEvent, endpoints: Sequence[Subscriber]
) -> EventRecord:
    """Write the event and one pending delivery for each endpoint that wants it."""
    record = await uow.events.append(event)
    for endpoint in endpoints:
        if endpoint.wants(event):
            await uow.outbox.add(record, endpoint.name)
    return record
