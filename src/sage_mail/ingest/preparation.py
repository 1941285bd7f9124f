"""From the octets of a message to all that is stored of it. Pure, and run in threads."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sage_imap.models.email import EmailMessage
from sage_mail.errors import culprit
from sage_mail.ingest.fetched import Fetched
from sage_mail.pipeline import Context, Decision, Pipeline
from sage_mail.records import (
    MailboxRecord,
    NewAttachment,
    NewContent,
    NewMessage,
    StoredDecision,
)

__all__ = ["Prepared", "Rejected", "old_message", "prepare", "prepare_all"]

_PREVIEW = 200


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message that is ready to be stored; ``blobs`` are its own octets and its attachments'.

    ``decision`` is without facts and reasons, which the draft has.
    """

    fetched: Fetched
    draft: NewMessage
    decision: Decision
    blobs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that cannot be stored, at which stage that showed, and why.

    ``reason`` is for people and holds nothing of the message; ``detail`` is for developers.
    ``raw`` is what is kept of it, if anything came.
    """

    uid: int
    stage: str
    reason: str
    detail: str = ""
    raw: bytes | None = None


def prepare(
    fetched: Fetched, mailbox: MailboxRecord, pipeline: Pipeline, context: Context
) -> Prepared | Rejected:
    """Parse a whole message and decide about it; whatever goes wrong becomes a `Rejected`."""
    if fetched.raw is None or mailbox.uidvalidity is None:
        raise ValueError("a whole message of a mailbox with a UIDVALIDITY is needed")
    try:
        message = EmailMessage.from_bytes(
            fetched.raw,
            uid=fetched.uid,
            mailbox=mailbox.name,
            uidvalidity=mailbox.uidvalidity,
            flags=fetched.flags,
            internal_date=fetched.internal_date,
        )
        parts = _Parts.of(message)
    except Exception as error:  # noqa: BLE001 - the bulkhead: one bad message never costs the batch
        return _rejected(fetched, "parse", "it could not be read", error)
    try:
        decision = pipeline.decide(message, context)
        draft = _draft(fetched, mailbox, message, parts, decision)
    except Exception as error:  # noqa: BLE001 - the bulkhead: one bad message never costs the batch
        return _rejected(fetched, "pipeline", "no decision could be made about it", error)
    brief = replace(decision, extracted={}, reasons=(), scores={}, opinions=())
    return Prepared(fetched, draft, brief, (fetched.raw, *parts.blobs))


def prepare_all(
    fetched: Sequence[Fetched], mailbox: MailboxRecord, pipeline: Pipeline, context: Context
) -> list[Prepared | Rejected]:
    """The same for each of the messages."""
    return [prepare(item, mailbox, pipeline, context) for item in fetched]


def old_message(fetched: Fetched, mailbox: MailboxRecord) -> NewMessage:
    """The row of a message that is older than the first sight of its mailbox.

    It holds what recognises the message when it moves, and nothing to announce.
    """
    if mailbox.uidvalidity is None:
        raise ValueError("the mailbox has not been seen yet")
    return NewMessage(
        mailbox_id=mailbox.id,
        uidvalidity=mailbox.uidvalidity,
        uid=fetched.uid,
        fingerprint=fetched.fingerprint,
        content_hash="",
        size=fetched.size,
        first_seen_at=datetime.now(UTC),
        internal_date=fetched.internal_date,
        flags=fetched.flags,
        modseq=fetched.modseq,
        announced=False,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parsed parts; getting them is where hostile messages show."""

    content: NewContent
    attachments: tuple[NewAttachment, ...]
    blobs: tuple[bytes, ...]

    @classmethod
    def of(cls, message: EmailMessage) -> _Parts:
        content = NewContent(
            plain=message.plain_body,
            html=message.html_body,
            headers=tuple(message.headers.fields()),
            preview=message.get_body_preview(_PREVIEW),
        )
        attachments = tuple(
            NewAttachment(
                filename=attachment.filename,
                content_type=attachment.content_type,
                size=attachment.size,
                sha256=attachment.sha256,
                inline=attachment.is_inline,
                content_id=attachment.content_id,
            )
            for attachment in message.attachments
        )
        return cls(content, attachments, tuple(item.content for item in message.attachments))


def _draft(
    fetched: Fetched,
    mailbox: MailboxRecord,
    message: EmailMessage,
    parts: _Parts,
    decision: Decision,
) -> NewMessage:
    return NewMessage(
        mailbox_id=mailbox.id,
        uidvalidity=mailbox.uidvalidity or 0,
        uid=fetched.uid,
        fingerprint=fetched.fingerprint,
        content_hash=hashlib.sha256(message.raw).hexdigest(),
        size=fetched.size,
        first_seen_at=datetime.now(UTC),
        subject=message.subject,
        message_id_header=message.message_id,
        from_address=message.from_address,
        to_addresses=tuple(message.to_addresses),
        cc_addresses=tuple(message.cc_addresses),
        reply_to_addresses=tuple(message.reply_to_addresses),
        date=_aware(message.date),
        internal_date=_aware(fetched.internal_date),
        flags=fetched.flags,
        modseq=fetched.modseq,
        decision=StoredDecision(
            category=str(decision.category),
            confidence=decision.confidence,
            priority=str(decision.priority),
            kind=str(decision.kind),
            topic=str(decision.topic),
            details=decision.as_json(),
        ),
        content=parts.content,
        attachments=parts.attachments,
    )


def _aware(moment: datetime | None) -> datetime | None:
    """The instant in UTC where no zone was told (RFC 5322 section 3.3: -0000 says nothing)."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def _rejected(fetched: Fetched, stage: str, reason: str, error: Exception) -> Rejected:
    reason = f"{reason} ({type(error).__name__})"
    return Rejected(fetched.uid, stage, reason, culprit(error), fetched.raw)
