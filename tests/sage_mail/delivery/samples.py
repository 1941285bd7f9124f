"""Messages and events of our own for the tests of delivery."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sage_imap.models.address import EmailAddress
from sage_mail.delivery.events import EventType, NewEvent
from sage_mail.records import EventRecord, MessageRecord, MessageState, StoredDecision

__all__ = ["MOMENT", "event", "message", "new_event"]

MOMENT = datetime(2026, 1, 31, 8, 15, 0, 123456, tzinfo=UTC)

_MESSAGE = MessageRecord(
    id=7,
    account_id=1,
    account="work",
    mailbox_id=2,
    mailbox="INBOX",
    uidvalidity=1_700_000_000,
    uid=42,
    state=MessageState.PRESENT,
    missing_since=None,
    fingerprint="f" * 64,
    content_hash="c" * 64,
    size=2048,
    subject="Grüße 😀",
    message_id_header="<a@example.org>",
    from_address=EmailAddress("Ada", "ada", "example.org"),
    to_addresses=(EmailAddress("", "bob", "example.org"),),
    cc_addresses=(),
    reply_to_addresses=(),
    date=MOMENT,
    internal_date=MOMENT,
    flags=("\\Seen",),
    modseq=5,
    decision=StoredDecision(
        category="support",
        confidence=0.9,
        priority="high",
        kind="support",
        topic="work",
        details={"target_folder": "INBOX/Support"},
    ),
    announced=True,
    first_seen_at=MOMENT,
)


def message(**changes: Any) -> MessageRecord:
    """A stored message, with the changes given."""
    return replace(_MESSAGE, **changes)


def event(type_: str = EventType.MESSAGE_NEW, **data: Any) -> EventRecord:
    """A stored event of the type with the data."""
    return EventRecord(
        seq=17,
        event_id="evt_1",
        type=type_,
        account="work",
        mailbox="INBOX",
        message_id=7,
        occurred_at=MOMENT,
        data=data,
    )


def new_event(
    type_: EventType = EventType.MESSAGE_NEW,
    *,
    account: str = "work",
    row: int | None = None,
    **data: Any,
) -> NewEvent:
    """An event that has just happened and is to be announced; *row* is its message's."""
    return NewEvent(
        type=type_,
        account=account,
        mailbox="INBOX",
        message_id=row,
        occurred_at=datetime.now(UTC),
        data=data,
    )
