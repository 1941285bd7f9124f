"""The tables: one page that says all that is stored.

They are plain tables and not mapped classes: the repositories write rows in bulk and return frozen
records, so that an identity map would only cost time. A change here needs a migration; a test
compares the two.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from sage_mail.storage.columns import Count, Document, Identity, Instant, StoredText

__all__ = [
    "EVENTS",
    "accounts",
    "actions",
    "analyses",
    "attachment_facts",
    "attachments",
    "attempts",
    "contents",
    "corrections",
    "counters",
    "dead_letters",
    "deliveries",
    "endpoints",
    "events",
    "mailboxes",
    "messages",
    "metadata",
]

# The row of `counters` that numbers the events.
EVENTS: Final = "events"

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

accounts: Final = Table(
    "accounts",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("name", StoredText, nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("state_since", Instant),
    Column("last_error", StoredText),
)

mailboxes: Final = Table(
    "mailboxes",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("account_id", Identity, ForeignKey("accounts.id"), nullable=False),
    Column("name", StoredText, nullable=False),
    Column("uidvalidity", Count),
    Column("last_uid", Count, nullable=False),
    Column("highestmodseq", Count),
    Column("last_verified_at", Instant),
    Column("first_seen_at", Instant, nullable=False),
    UniqueConstraint("account_id", "name"),
)

messages: Final = Table(
    "messages",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("account_id", Identity, ForeignKey("accounts.id"), nullable=False),
    Column("mailbox_id", Identity, ForeignKey("mailboxes.id"), nullable=False),
    Column("uidvalidity", Count),
    Column("uid", Count),
    Column("state", String(16), nullable=False),
    Column("missing_since", Instant),
    Column("fingerprint", String(64), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("size", Count, nullable=False),
    Column("subject", StoredText, nullable=False),
    Column("message_id_header", StoredText),
    Column("from_address", Document),
    Column("to_addresses", Document, nullable=False),
    Column("cc_addresses", Document, nullable=False),
    Column("reply_to_addresses", Document, nullable=False),
    Column("date", Instant),
    Column("internal_date", Instant),
    Column("flags", Document, nullable=False),
    Column("modseq", Count),
    Column("category", StoredText, index=True),
    Column("confidence", Float),
    Column("priority", StoredText),
    Column("kind", StoredText),
    Column("topic", StoredText),
    Column("decision", Document, nullable=False),
    Column("announced", Boolean, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Index("ix_messages_location", "mailbox_id", "uidvalidity", "state", "uid"),
    Index("ix_messages_account_id_fingerprint", "account_id", "fingerprint"),
)

# A UID is of one message for ever (RFC 9051 section 2.3.1.1), but only while a message is present
# do we know that its last location is still its own.
Index(
    "uq_messages_location",
    messages.c.mailbox_id,
    messages.c.uidvalidity,
    messages.c.uid,
    unique=True,
    sqlite_where=text("state = 'present'"),
    postgresql_where=text("state = 'present'"),
)
Index(
    "ix_messages_missing",
    messages.c.account_id,
    messages.c.missing_since,
    sqlite_where=text("state = 'missing'"),
    postgresql_where=text("state = 'missing'"),
)

contents: Final = Table(
    "contents",
    metadata,
    Column(
        "message_id",
        Identity,
        ForeignKey("messages.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("plain", StoredText, nullable=False),
    Column("html", StoredText, nullable=False),
    Column("headers", Document, nullable=False),
    Column("preview", StoredText, nullable=False),
)

attachments: Final = Table(
    "attachments",
    metadata,
    Column(
        "message_id",
        Identity,
        ForeignKey("messages.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("filename", StoredText, nullable=False),
    Column("content_type", StoredText, nullable=False),
    Column("size", Count, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("inline", Boolean, nullable=False),
    Column("content_id", StoredText),
)

# The messages whose attachments are to be analysed, or were.
analyses: Final = Table(
    "analyses",
    metadata,
    Column(
        "message_id",
        Identity,
        ForeignKey("messages.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("requested_at", Instant, nullable=False),
    Column("done_at", Instant),
)
Index(
    "ix_analyses_pending",
    analyses.c.message_id,
    sqlite_where=text("done_at IS NULL"),
    postgresql_where=text("done_at IS NULL"),
)

attachment_facts: Final = Table(
    "attachment_facts",
    metadata,
    Column(
        "message_id",
        Identity,
        ForeignKey("messages.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("status", String(16), nullable=False),
    Column("detected_type", StoredText),
    Column("details", Document, nullable=False),
)

corrections: Final = Table(
    "corrections",
    metadata,
    Column(
        "message_id",
        Identity,
        ForeignKey("messages.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("category", StoredText, nullable=False),
    Column("decided", StoredText),
    Column("corrected_at", Instant, nullable=False),
)

counters: Final = Table(
    "counters",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("value", Count, nullable=False),
)

events: Final = Table(
    "events",
    metadata,
    Column("seq", Identity, primary_key=True, autoincrement=False),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("type", StoredText, nullable=False),
    Column("account", StoredText, nullable=False),
    Column("mailbox", StoredText),
    Column("message_id", Identity, ForeignKey("messages.id"), index=True),
    Column("occurred_at", Instant, nullable=False),
    Column("data", Document, nullable=False),
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("event_seq", Identity, ForeignKey("events.seq"), nullable=False),
    Column("endpoint", StoredText, nullable=False),
    Column("webhook_id", String(64), nullable=False, unique=True),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant),
    Column("last_error", StoredText),
    # The event's, so that the next of each account is found without looking at all that wait.
    Column("account", StoredText, nullable=False, server_default=text("''")),
    Column("earlier_attempts", Integer, nullable=False, server_default=text("0")),
    UniqueConstraint("event_seq", "endpoint"),
    Index("ix_deliveries_due", "endpoint", "status", "next_attempt_at"),
    Index("ix_deliveries_order", "endpoint", "status", "account", "event_seq"),
)

endpoints: Final = Table(
    "endpoints",
    metadata,
    Column("name", StoredText, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_at", Instant),
    Column("reason", StoredText),
    Column("failing_since", Instant),
    Column("last_failure_at", Instant),
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column(
        "delivery_id",
        Identity,
        ForeignKey("deliveries.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started_at", Instant, nullable=False),
    Column("latency_ms", Integer, nullable=False),
    Column("status_code", Integer),
    Column("error", StoredText),
    Column("response", StoredText),
)

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("account_id", Identity, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("mailbox_id", Identity, ForeignKey("mailboxes.id"), nullable=False),
    Column("uidvalidity", Count, nullable=False),
    Column("uid", Count, nullable=False),
    Column("stage", StoredText, nullable=False),
    Column("reason", StoredText, nullable=False),
    Column("detail", StoredText, nullable=False),
    Column("content_hash", String(64)),
    Column("created_at", Instant, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("retry_requested_at", Instant),
    Column("resolved_at", Instant),
    UniqueConstraint("mailbox_id", "uidvalidity", "uid"),
)

actions: Final = Table(
    "actions",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("message_id", Identity, ForeignKey("messages.id"), nullable=False, index=True),
    Column("account_id", Identity, ForeignKey("accounts.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("mailbox_id", Identity, ForeignKey("mailboxes.id"), nullable=False),
    Column("uidvalidity", Count, nullable=False),
    Column("uid", Count, nullable=False),
    Column("target", StoredText, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant),
    Column("last_error", StoredText),
    Column("result_uidvalidity", Count),
    Column("result_uid", Count),
    Column("created_at", Instant, nullable=False),
    Column("done_at", Instant),
    Index("ix_actions_due", "account_id", "status", "next_attempt_at"),
)

# A message has one open move and one open change of flags at most: planning twice is planning once.
Index(
    "uq_actions_planned",
    actions.c.message_id,
    actions.c.kind,
    unique=True,
    sqlite_where=text("status = 'planned'"),
    postgresql_where=text("status = 'planned'"),
)
