"""From octets to what is stored."""

from __future__ import annotations

from datetime import UTC, datetime

from sage_imap.models.email import EmailMessage
from sage_mail.ingest.fetched import Fetched
from sage_mail.ingest.fingerprint import fingerprint
from sage_mail.ingest.preparation import Prepared, Rejected, old_message, prepare
from sage_mail.pipeline import Context, Decision, Pipeline
from sage_mail.records import MailboxRecord

_MAILBOX = MailboxRecord(1, 1, "work", "INBOX", 7, 3, None, None, datetime.now(UTC))
_RAW = (
    b"From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: Hi\r\n"
    b"Message-ID: <1@example.org>\r\n\r\nHello\r\n"
)


def _fetched(raw: bytes) -> Fetched:
    now = datetime.now(UTC)
    return Fetched(4, len(raw), ("\\Seen",), now, 9, fingerprint(raw, len(raw)), raw)


class _Broken(Pipeline):
    def decide(self, message: EmailMessage, context: Context | None = None) -> Decision:
        raise ZeroDivisionError(message.subject)


def test_message_is_ready_to_be_stored() -> None:
    """The draft has the message's place, facts and hash, and its octets are the first blob."""
    prepared = prepare(_fetched(_RAW), _MAILBOX, Pipeline([]), Context())
    assert isinstance(prepared, Prepared)
    assert prepared.blobs[0] == _RAW
    draft = prepared.draft
    assert (draft.uidvalidity, draft.uid, draft.subject) == (7, 4, "Hi")
    assert draft.content.plain.strip() == "Hello"
    assert draft.announced


def test_bug_in_the_pipeline_costs_one_message_only() -> None:
    """What the pipeline raises becomes a rejection that holds nothing of the message."""
    rejected = prepare(_fetched(_RAW), _MAILBOX, _Broken([]), Context())
    assert isinstance(rejected, Rejected)
    assert rejected.stage == "pipeline"
    assert "ZeroDivisionError" in rejected.reason
    assert "Hi" not in rejected.reason + rejected.detail
    assert rejected.raw == _RAW


def test_old_message_is_never_announced() -> None:
    """The row of an older message has what recognises it, and no more."""
    draft = old_message(_fetched(_RAW), _MAILBOX)
    assert not draft.announced
    assert draft.subject == ""
    assert draft.fingerprint == fingerprint(_RAW, len(_RAW))
