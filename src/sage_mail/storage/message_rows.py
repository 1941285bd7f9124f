"""How messages, their contents and attachments become rows, and rows become records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, Select, select

from sage_imap.models.address import EmailAddress
from sage_mail.records import (
    AttachmentRecord,
    ContentRecord,
    MessageRecord,
    MessageState,
    NewMessage,
    StoredDecision,
)
from sage_mail.storage import tables
from sage_mail.storage.columns import JsonText, json_text, storable_text, utc

__all__ = [
    "Home",
    "added_record",
    "attachment_record",
    "attachment_values",
    "content_record",
    "content_values",
    "message_record",
    "message_values",
    "select_messages",
]

Values = dict[str, Any]


class Home(NamedTuple):
    """A mailbox by its name, and its account."""

    account_id: int
    account: str
    mailbox: str


_SELECT: Final = (
    select(
        tables.messages,
        tables.accounts.c.name.label("account"),
        tables.mailboxes.c.name.label("mailbox"),
    )
    .join_from(tables.messages, tables.accounts)
    .join(tables.mailboxes, tables.mailboxes.c.id == tables.messages.c.mailbox_id)
)


def select_messages() -> Select[Any]:
    """The statement whose rows `message_record` reads, to be narrowed."""
    return _SELECT


def message_values(message: NewMessage, account_id: int) -> Values:
    """The row of the message; its ``decision`` is a `JsonText`."""
    decision = message.decision
    return {
        "account_id": account_id,
        "mailbox_id": message.mailbox_id,
        "uidvalidity": message.uidvalidity,
        "uid": message.uid,
        "state": MessageState.PRESENT,
        "fingerprint": message.fingerprint,
        "content_hash": message.content_hash,
        "size": message.size,
        "subject": message.subject,
        "message_id_header": message.message_id_header,
        "from_address": None if message.from_address is None else _plain(message.from_address),
        "to_addresses": [_plain(address) for address in message.to_addresses],
        "cc_addresses": [_plain(address) for address in message.cc_addresses],
        "reply_to_addresses": [_plain(address) for address in message.reply_to_addresses],
        "date": message.date,
        "internal_date": message.internal_date,
        "flags": message.flags,
        "modseq": message.modseq,
        "category": decision.category,
        "confidence": decision.confidence,
        "priority": decision.priority,
        "kind": decision.kind,
        "topic": decision.topic,
        "decision": json_text(decision.details),
        "announced": message.announced,
        "first_seen_at": message.first_seen_at,
    }


def content_values(message_id: int, message: NewMessage) -> Values:
    """The row of the message's content."""
    content = message.content
    return {
        "message_id": message_id,
        "plain": content.plain,
        "html": content.html,
        "headers": content.headers,
        "preview": content.preview,
    }


def attachment_values(message_id: int, message: NewMessage) -> list[Values]:
    """The rows of the message's attachments."""
    return [
        {
            "message_id": message_id,
            "position": position,
            "filename": attachment.filename,
            "content_type": attachment.content_type,
            "size": attachment.size,
            "sha256": attachment.sha256,
            "inline": attachment.inline,
            "content_id": attachment.content_id,
        }
        for position, attachment in enumerate(message.attachments)
    ]


def message_record(row: Row[Any]) -> MessageRecord:
    """The message of a row of `select_messages`."""
    return MessageRecord(
        id=row.id,
        account_id=row.account_id,
        account=row.account,
        mailbox_id=row.mailbox_id,
        mailbox=row.mailbox,
        uidvalidity=row.uidvalidity,
        uid=row.uid,
        state=MessageState(row.state),
        missing_since=row.missing_since,
        fingerprint=row.fingerprint,
        content_hash=row.content_hash,
        size=row.size,
        subject=row.subject,
        message_id_header=row.message_id_header,
        from_address=None if row.from_address is None else EmailAddress(**row.from_address),
        to_addresses=_addresses(row.to_addresses),
        cc_addresses=_addresses(row.cc_addresses),
        reply_to_addresses=_addresses(row.reply_to_addresses),
        date=row.date,
        internal_date=row.internal_date,
        flags=tuple(row.flags),
        modseq=row.modseq,
        decision=_decision(row),
        announced=row.announced,
        first_seen_at=row.first_seen_at,
    )


def added_record(
    message_id: int, message: NewMessage, home: Home, details: JsonText
) -> MessageRecord:
    """The message as `message_record` would make it of the row that was just written.

    *details* are those of the decision, as they were written.
    """
    return MessageRecord(
        id=message_id,
        account_id=home.account_id,
        account=home.account,
        mailbox_id=message.mailbox_id,
        mailbox=home.mailbox,
        uidvalidity=message.uidvalidity,
        uid=message.uid,
        state=MessageState.PRESENT,
        missing_since=None,
        fingerprint=message.fingerprint,
        content_hash=message.content_hash,
        size=message.size,
        subject=storable_text(message.subject),
        message_id_header=_storable(message.message_id_header),
        from_address=None if message.from_address is None else _clean(message.from_address),
        to_addresses=tuple(map(_clean, message.to_addresses)),
        cc_addresses=tuple(map(_clean, message.cc_addresses)),
        reply_to_addresses=tuple(map(_clean, message.reply_to_addresses)),
        date=_in_utc(message.date),
        internal_date=_in_utc(message.internal_date),
        flags=tuple(map(storable_text, message.flags)),
        modseq=message.modseq,
        decision=_clean_decision(message.decision, details),
        announced=message.announced,
        first_seen_at=utc(message.first_seen_at),
    )


def content_record(row: Row[Any]) -> ContentRecord:
    """The content of a row of `tables.contents`."""
    return ContentRecord(
        message_id=row.message_id,
        plain=row.plain,
        html=row.html,
        headers=tuple((name, value) for name, value in row.headers),
        preview=row.preview,
    )


def attachment_record(row: Row[Any]) -> AttachmentRecord:
    """The attachment of a row of `tables.attachments`."""
    return AttachmentRecord(
        message_id=row.message_id,
        position=row.position,
        filename=row.filename,
        content_type=row.content_type,
        size=row.size,
        sha256=row.sha256,
        inline=row.inline,
        content_id=row.content_id,
    )


def _decision(row: Row[Any]) -> StoredDecision:
    return StoredDecision(
        category=row.category,
        confidence=row.confidence,
        priority=row.priority,
        kind=row.kind,
        topic=row.topic,
        details=row.decision,
    )


def _plain(address: EmailAddress) -> dict[str, str]:
    return {"name": address.name, "mailbox": address.mailbox, "host": address.host}


def _clean(address: EmailAddress) -> EmailAddress:
    return EmailAddress(*map(storable_text, (address.name, address.mailbox, address.host)))


def _clean_decision(decision: StoredDecision, details: JsonText) -> StoredDecision:
    return StoredDecision(
        category=_storable(decision.category),
        confidence=decision.confidence,
        priority=_storable(decision.priority),
        kind=_storable(decision.kind),
        topic=_storable(decision.topic),
        details=details.value(),
    )


def _storable(text: str | None) -> str | None:
    return None if text is None else storable_text(text)


def _in_utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else utc(instant)


def _addresses(values: Iterable[Mapping[str, str]]) -> tuple[EmailAddress, ...]:
    return tuple(EmailAddress(**value) for value in values)
