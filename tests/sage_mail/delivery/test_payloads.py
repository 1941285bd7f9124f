"""The facts of each event, as receivers read them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sage_imap.models.address import EmailAddress
from sage_mail.delivery import payloads
from sage_mail.delivery.payloads import Place
from sage_mail.records import AttachmentFactsRecord, AttachmentRecord, NewAttachment
from tests.sage_mail.delivery.samples import message


def test_new_message_has_all_its_facts() -> None:
    """A new message comes with its place, its headers, its decision and its attachments."""
    attachment = NewAttachment(
        filename="a.pdf", content_type="application/pdf", size=9, sha256="ab" * 32
    )
    data = payloads.message_data(message(), [attachment])
    assert data == {
        "id": 7,
        "account": "work",
        "mailbox": "INBOX",
        "uidvalidity": 1_700_000_000,
        "uid": 42,
        "message_id": "<a@example.org>",
        "subject": "Grüße 😀",
        "from": {"name": "Ada", "address": "ada@example.org"},
        "to": [{"name": "", "address": "bob@example.org"}],
        "cc": [],
        "date": "2026-01-31T08:15:00.123456Z",
        "received_at": "2026-01-31T08:15:00.123456Z",
        "size": 2048,
        "flags": ["\\Seen"],
        "category": "support",
        "confidence": 0.9,
        "priority": "high",
        "kind": "support",
        "topic": "work",
        "extracted": {},
        "target_folder": "INBOX/Support",
        "has_attachments": True,
        "attachments": [
            {
                "filename": "a.pdf",
                "content_type": "application/pdf",
                "size": 9,
                "sha256": "ab" * 32,
            }
        ],
    }


def test_a_message_that_lacks_everything() -> None:
    """What a message does not have is null or empty, never missing."""
    bare = message(
        from_address=None, to_addresses=(), date=None, message_id_header=None, subject=""
    )
    data = payloads.message_data(bare)
    assert (data["from"], data["date"], data["message_id"], data["subject"]) == (
        None,
        None,
        None,
        "",
    )
    assert (data["has_attachments"], data["attachments"]) == (False, [])


def test_analysed_attachments() -> None:
    """Each attachment comes with what it is; its text, lists and places stay in the store."""
    attachments = [
        AttachmentRecord(
            7, n, f"{n}.pdf", "application/pdf", 9, "ab" * 32, inline=False, content_id=None
        )
        for n in range(2)
    ]
    number = {"value": "A-1", "confidence": 0.9, "part": "attachment", "text": "A-1"}
    details = {
        "status": "ok",
        "findings": ["macros"],
        "document": {"pages": 2, "text": "long"},
        "archive": {"count": 1, "entries": [{"name": "a"}]},
        "order": {"invoice_numbers": [number]},
    }
    facts = [AttachmentFactsRecord(7, 1, "ok", "application/pdf", details)]
    data = payloads.attachments_data(message(), attachments, facts)
    base = {"content_type": "application/pdf", "size": 9, "sha256": "ab" * 32}
    assert (data["id"], data["category"]) == (7, "support")
    assert data["attachments"] == [
        {"filename": "0.pdf", **base},
        {
            "filename": "1.pdf",
            **base,
            "status": "ok",
            "findings": ["macros"],
            "document": {"pages": 2},
            "archive": {"count": 1},
            "order": {"invoice_numbers": [{"value": "A-1", "confidence": 0.9}]},
        },
    ]


def test_moved() -> None:
    """A move says whence, whither and by whom; the sender keeps the name `from`."""
    data = payloads.moved_data(
        message(mailbox="INBOX/Support", uid=3), Place("INBOX", 1, 42), by="sage"
    )
    assert data["moved"] == {
        "from": {"mailbox": "INBOX", "uidvalidity": 1, "uid": 42},
        "to": {"mailbox": "INBOX/Support", "uidvalidity": 1_700_000_000, "uid": 3},
        "by": "sage",
    }
    assert data["from"]["address"] == "ada@example.org"
    assert (data["mailbox"], data["uid"]) == ("INBOX/Support", 3)


def test_flags_changed() -> None:
    """Changed flags come as the difference, in a fixed order."""
    data = payloads.flags_changed_data(message(), added={"b", "a"}, removed=["\\Seen"])
    assert (data["added"], data["removed"]) == (["a", "b"], ["\\Seen"])


def test_what_is_not_a_message() -> None:
    """Failures, resets and accounts name their place and the reason."""
    place = Place("INBOX", 1, 42)
    assert payloads.failed_data("work", place, stage="parse", reason="r", dead_letter=3) == {
        "account": "work",
        "mailbox": "INBOX",
        "uidvalidity": 1,
        "uid": 42,
        "stage": "parse",
        "reason": "r",
        "dead_letter": 3,
    }
    assert payloads.mailbox_reset_data("work", "INBOX", before=1, after=2) == {
        "account": "work",
        "mailbox": "INBOX",
        "old_uidvalidity": 1,
        "new_uidvalidity": 2,
    }
    assert payloads.account_data("work") == {"account": "work", "reason": None}


def test_endless_lists_end() -> None:
    """A list that a sender made too long is cut, and the payload says which."""
    crowd = tuple(EmailAddress("", f"u{n}", "example.org") for n in range(5000))
    data = payloads.message_data(message(to_addresses=crowd))
    assert len(data["to"]) == 100
    assert data["truncated"] == ["to"]
    assert "truncated" not in payloads.message_data(message())


@pytest.mark.parametrize(
    "data",
    [
        payloads.message_data(message()),
        payloads.deleted_data(message()),
        payloads.moved_data(message(), Place("A", None, None), by="user"),
        payloads.flags_changed_data(message(), added=(), removed=()),
    ],
)
def test_all_is_json(data: dict[str, Any]) -> None:
    """Every payload goes to JSON and back unchanged."""
    assert json.loads(json.dumps(data)) == data


def test_extracted_facts_are_told_without_their_places() -> None:
    """A fact is a value and how sure it is; where it stands is kept in the store."""
    fact = {"confidence": 0.9, "part": "plain", "text": "5 EUR", "start": 3, "end": 8}
    total = {**fact, "value": {"amount": "5", "currency": "EUR"}}
    number = {**fact, "value": "4711"}
    extracted = {"order": {"total": total, "order_numbers": [number]}, "spam": {"url_count": 2}}
    known = message()
    record = replace(known, decision=replace(known.decision, details={"extracted": extracted}))

    assert payloads.message_data(record)["extracted"] == {
        "order": {
            "total": {"value": {"amount": "5", "currency": "EUR"}, "confidence": 0.9},
            "order_numbers": [{"value": "4711", "confidence": 0.9}],
        },
        "spam": {"url_count": 2},
    }
