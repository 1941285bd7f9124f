"""What the database holds, as plain values: nothing here knows how or where they are stored.

A ``New...`` value is what the caller writes, a ``...Record`` is what was read back. An ``id`` is
the row's. Instants are aware and in UTC, durations are seconds unless the name says otherwise.
Text and JSON come back as they were written, but NUL and lone surrogates, which databases refuse,
come back as U+FFFD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sage_imap.models.address import EmailAddress

__all__ = [
    "AccountRecord",
    "AccountState",
    "ActionKind",
    "ActionRecord",
    "ActionStatus",
    "AttachmentFactsRecord",
    "AttachmentRecord",
    "AttemptRecord",
    "ContentRecord",
    "CorrectionRecord",
    "DeadLetterRecord",
    "DeliveryRecord",
    "DeliveryStatus",
    "EndpointRecord",
    "EventRecord",
    "MailboxRecord",
    "MessageRecord",
    "MessageState",
    "MoveCandidate",
    "NewAction",
    "NewAttachment",
    "NewContent",
    "NewDeadLetter",
    "NewMessage",
    "StoredDecision",
    "WaitingRecord",
]


class AccountState(StrEnum):
    """What is known of an account's connection."""

    UNKNOWN = "unknown"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    AUTH_FAILED = "auth_failed"


class MessageState(StrEnum):
    """Whether a message is where it was last seen.

    A missing message is not there any more and may have been moved: it is looked for in the
    account's other mailboxes until it is found or given up as deleted.
    """

    PRESENT = "present"
    MISSING = "missing"
    DELETED = "deleted"


class DeliveryStatus(StrEnum):
    """Where a delivery stands; a failed one is not tried again by itself."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class ActionKind(StrEnum):
    """What the system does to a message on the server."""

    MOVE = "move"
    ADD_FLAGS = "add_flags"


class ActionStatus(StrEnum):
    """Where an action of the journal stands; a void one was overtaken by what others did."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account by its name in the settings, and the state of its connection."""

    id: int
    name: str
    state: AccountState
    state_since: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class MailboxRecord:
    """A mailbox and how far it has been read.

    ``uidvalidity`` is None until the mailbox has been seen for the first time. Every message with
    a UID up to ``last_uid`` is stored, a dead letter, or older than the first sight.
    ``first_seen_at`` is the instant of the row's creation.
    """

    id: int
    account_id: int
    account: str
    name: str
    uidvalidity: int | None
    last_uid: int
    highestmodseq: int | None
    last_verified_at: datetime | None
    first_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttachment:
    """An attachment; its bytes are in the blob store under ``sha256``."""

    filename: str
    content_type: str
    size: int
    sha256: str
    inline: bool = False
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class AttachmentRecord:
    """A stored attachment; ``position`` counts from 0 in the order of the message."""

    message_id: int
    position: int
    filename: str
    content_type: str
    size: int
    sha256: str
    inline: bool
    content_id: str | None


@dataclass(frozen=True, slots=True)
class AttachmentFactsRecord:
    """What the analysis of an attachment has found; ``details`` is the whole of it.

    ``status`` and ``detected_type`` are those of the details, to be searched by.
    """

    message_id: int
    position: int
    status: str
    detected_type: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContent:
    """The readable part of a message; ``headers`` are all of them, in order, decoded."""

    plain: str = ""
    html: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    preview: str = ""


@dataclass(frozen=True, slots=True)
class ContentRecord:
    """The readable part of a stored message."""

    message_id: int
    plain: str
    html: str
    headers: tuple[tuple[str, str], ...]
    preview: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """What the pipeline concluded; ``details`` is the whole of it, the rest can be searched by."""

    category: str | None = None
    confidence: float | None = None
    priority: str | None = None
    kind: str | None = None
    topic: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message that is about to be stored, with all that belongs to it.

    ``fingerprint`` recognises the message in another mailbox or after a UIDVALIDITY change,
    ``content_hash`` is the SHA-256 of its bytes (hexadecimal), under which they are in the blob
    store. ``announced`` says that this transaction also announces it as new.
    """

    mailbox_id: int
    uidvalidity: int
    uid: int
    fingerprint: str
    content_hash: str
    size: int
    first_seen_at: datetime
    subject: str = ""
    message_id_header: str | None = None
    from_address: EmailAddress | None = None
    to_addresses: tuple[EmailAddress, ...] = ()
    cc_addresses: tuple[EmailAddress, ...] = ()
    reply_to_addresses: tuple[EmailAddress, ...] = ()
    date: datetime | None = None
    internal_date: datetime | None = None
    flags: tuple[str, ...] = ()
    modseq: int | None = None
    decision: StoredDecision = field(default_factory=StoredDecision)
    announced: bool = True
    content: NewContent = field(default_factory=NewContent)
    attachments: tuple[NewAttachment, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A stored message where it was last seen.

    ``uidvalidity`` and ``uid`` are None while a move of ours has taken the message to ``mailbox``
    and the server has not said where it lies there. ``missing_since`` is the instant at which it
    was first not found, for missing and for deleted messages.
    """

    id: int
    account_id: int
    account: str
    mailbox_id: int
    mailbox: str
    uidvalidity: int | None
    uid: int | None
    state: MessageState
    missing_since: datetime | None
    fingerprint: str
    content_hash: str
    size: int
    subject: str
    message_id_header: str | None
    from_address: EmailAddress | None
    to_addresses: tuple[EmailAddress, ...]
    cc_addresses: tuple[EmailAddress, ...]
    reply_to_addresses: tuple[EmailAddress, ...]
    date: datetime | None
    internal_date: datetime | None
    flags: tuple[str, ...]
    modseq: int | None
    decision: StoredDecision
    announced: bool
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class MoveCandidate:
    """A message that a newcomer to a mailbox may be; ``planned_here`` if we meant to move it."""

    message: MessageRecord
    planned_here: bool


@dataclass(frozen=True, slots=True)
class CorrectionRecord:
    """The category that a person gave a message.

    ``decided`` is the category that the message had then; ``content_hash`` names its octets in the
    blob store, and is empty where they are not kept.
    """

    message_id: int
    category: str
    decided: str | None
    corrected_at: datetime
    content_hash: str


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A stored event; ``seq`` counts without a gap, in the order of the commits.

    ``account`` and ``mailbox`` are names, ``message_id`` is the row of the message.
    """

    seq: int
    event_id: str
    type: str
    account: str
    mailbox: str | None
    message_id: int | None
    occurred_at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """An event on its way to one endpoint; ``webhook_id`` stays the same over all attempts.

    ``earlier_attempts`` of the ``attempts`` were made before it was last replayed.
    """

    id: int
    event: EventRecord
    endpoint: str
    webhook_id: str
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None
    earlier_attempts: int = 0


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """How an endpoint stands; one of which nothing is known is enabled and well.

    ``reason`` says why it is disabled: ``gone``, ``failing`` or ``asked`` (by a person).
    ``failing_since`` is the first failure after which nothing succeeded.
    """

    name: str
    enabled: bool = True
    disabled_at: datetime | None = None
    reason: str | None = None
    failing_since: datetime | None = None
    last_failure_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One attempt of a delivery; ``number`` counts from 1, ``response`` is an excerpt."""

    number: int
    started_at: datetime
    latency_ms: int
    status_code: int | None = None
    error: str | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeadLetter:
    """A message that could not be handled: where it lies, at which stage and why.

    ``reason`` is one line for people and holds nothing of the message, ``detail`` may be long.
    ``content_hash`` names its bytes in the blob store if they could be had.
    """

    mailbox_id: int
    uidvalidity: int
    uid: int
    stage: str
    reason: str
    created_at: datetime
    detail: str = ""
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetterRecord:
    """A stored dead letter.

    ``retries`` counts how often it has failed again. ``retry_requested_at`` is set while somebody
    wants it to be tried once more, ``resolved_at`` once nothing is left to do.
    """

    id: int
    account_id: int
    account: str
    mailbox_id: int
    mailbox: str
    uidvalidity: int
    uid: int
    stage: str
    reason: str
    detail: str
    content_hash: str | None
    created_at: datetime
    retries: int
    retry_requested_at: datetime | None
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAction:
    """Something to be done on the server once the transaction that plans it is committed.

    ``target`` is the name of a mailbox for a move, and flags separated by spaces for `ADD_FLAGS`.
    """

    message_id: int
    kind: ActionKind
    mailbox_id: int
    uidvalidity: int
    uid: int
    target: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """An entry of the journal; ``mailbox``, ``uidvalidity`` and ``uid`` are the source.

    ``result_uidvalidity`` and ``result_uid`` tell where a move has put the message, where the
    server has told so.
    """

    id: int
    message_id: int
    account_id: int
    kind: ActionKind
    mailbox_id: int
    mailbox: str
    uidvalidity: int
    uid: int
    target: str
    status: ActionStatus
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None
    result_uidvalidity: int | None
    result_uid: int | None
    created_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitingRecord:
    """How many deliveries wait for an endpoint, and from when the oldest event among them is."""

    count: int
    oldest: datetime
