"""The facts that an event carries: what ``data`` holds for each type, ready for JSON.

Facts and references, never bodies: ``id`` is the message in our store, ``account``, ``mailbox``,
``uidvalidity`` and ``uid`` are its place on the server, ``message_id`` is its own header. Instants
are ISO 8601 in UTC. A list that a sender could make endless ends after a hundred entries, and
``truncated`` names it then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sage_imap.models.address import EmailAddress
from sage_mail.records import AttachmentFactsRecord, AttachmentRecord, MessageRecord, NewAttachment

__all__ = [
    "Place",
    "account_data",
    "attachments_data",
    "deleted_data",
    "endpoint_disabled_data",
    "failed_data",
    "flags_changed_data",
    "mailbox_reset_data",
    "message_data",
    "moved_data",
]

# Receivers are advised to expect less than 20 kB (Standard Webhooks 1.0.0).
_MOST_ENTRIES = 100
_LARGE = frozenset({"text", "entries"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message lies, or lay, on the server; numbers that are not known are None."""

    mailbox: str
    uidvalidity: int | None
    uid: int | None


def message_data(
    message: MessageRecord, attachments: Sequence[AttachmentRecord | NewAttachment] = ()
) -> dict[str, Any]:
    """The data of ``message.new``: the message with all its facts and its attachments'.

    ``extracted`` holds what was found in the message, by what it is about.
    """
    data = _message(message)
    data["extracted"] = _brief(message.decision.details.get("extracted", {}))
    data["has_attachments"] = bool(attachments)
    data["attachments"] = [_attachment(attachment) for attachment in attachments]
    return _shortened(data, "to", "cc", "flags", "attachments")


def attachments_data(
    message: MessageRecord,
    attachments: Sequence[AttachmentRecord],
    facts: Sequence[AttachmentFactsRecord],
) -> dict[str, Any]:
    """The data of ``message.attachments``: the message, and of each attachment what it is.

    What was extracted is told as in ``message.new``; the text of a document and the list of an
    archive stay in the store.
    """
    found = {one.position: one.details for one in facts}
    data = _message(message)
    data["attachments"] = [
        {**_attachment(one), **_analysed(found.get(one.position, {}))} for one in attachments
    ]
    return _shortened(data, "to", "cc", "flags", "attachments")


def moved_data(
    message: MessageRecord, source: Place, *, by: Literal["sage", "user"]
) -> dict[str, Any]:
    """The data of ``message.moved``: the message where it is now, whence it came, by whom."""
    target = Place(message.mailbox, message.uidvalidity, message.uid)
    moved = {"from": _place(source), "to": _place(target), "by": by}
    return _shortened({**_message(message), "moved": moved}, "to", "cc", "flags")


def deleted_data(message: MessageRecord) -> dict[str, Any]:
    """The data of ``message.deleted``: the message where it was last seen."""
    return _shortened(_message(message), "to", "cc", "flags")


def flags_changed_data(
    message: MessageRecord, *, added: Iterable[str], removed: Iterable[str]
) -> dict[str, Any]:
    """The data of ``message.flags_changed``: the message with its flags now, and the difference."""
    data = {**_message(message), "added": sorted(added), "removed": sorted(removed)}
    return _shortened(data, "to", "cc", "flags", "added", "removed")


def failed_data(
    account: str, place: Place, *, stage: str, reason: str, dead_letter: int | None = None
) -> dict[str, Any]:
    """The data of ``message.failed``: where the message lies, what failed at which stage.

    ``dead_letter`` is the number under which ``sage-mail dead-letters`` knows it.
    """
    return {
        "account": account,
        **_place(place),
        "stage": stage,
        "reason": reason,
        "dead_letter": dead_letter,
    }


def mailbox_reset_data(
    account: str, mailbox: str, *, before: int | None, after: int
) -> dict[str, Any]:
    """The data of ``mailbox.reset``: the UIDVALIDITY that was and the one that is."""
    return {
        "account": account,
        "mailbox": mailbox,
        "old_uidvalidity": before,
        "new_uidvalidity": after,
    }


def account_data(account: str, *, reason: str | None = None) -> dict[str, Any]:
    """The data of the ``account.*`` types; the reason is None where all is well."""
    return {"account": account, "reason": reason}


def endpoint_disabled_data(
    endpoint: str, *, reason: str, failing_since: datetime | None
) -> dict[str, Any]:
    """The data of ``endpoint.disabled``: which endpoint, why, and since when nothing got through.

    ``reason`` is ``gone`` (it answered 410) or ``failing`` (five days of nothing but failures).
    """
    return {"endpoint": endpoint, "reason": reason, "failing_since": _instant(failing_since)}


def _message(message: MessageRecord) -> dict[str, Any]:
    decision = message.decision
    return {
        "id": message.id,
        "account": message.account,
        "mailbox": message.mailbox,
        "uidvalidity": message.uidvalidity,
        "uid": message.uid,
        "message_id": message.message_id_header,
        "subject": message.subject,
        "from": _address(message.from_address) if message.from_address else None,
        "to": [_address(address) for address in message.to_addresses],
        "cc": [_address(address) for address in message.cc_addresses],
        "date": _instant(message.date),
        "received_at": _instant(message.internal_date),
        "size": message.size,
        "flags": list(message.flags),
        "category": decision.category,
        "confidence": decision.confidence,
        "priority": decision.priority,
        "kind": decision.kind,
        "topic": decision.topic,
        "target_folder": decision.details.get("target_folder"),
    }


def _attachment(attachment: AttachmentRecord | NewAttachment) -> dict[str, Any]:
    return {
        "filename": attachment.filename,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "sha256": attachment.sha256,
    }


def _analysed(details: Mapping[str, Any]) -> dict[str, Any]:
    """The facts without what is large: the text of a document, the list of an archive."""
    return {
        key: {name: _brief(fact) for name, fact in value.items() if name not in _LARGE}
        if isinstance(value, Mapping)
        else value
        for key, value in details.items()
    }


def _brief(facts: object) -> Any:
    """The facts with their values and how sure they are; their places stay in the store."""
    if isinstance(facts, list):
        return [_brief(fact) for fact in facts]
    if not isinstance(facts, dict):
        return facts
    if facts.keys() >= {"value", "confidence", "part"}:
        return {"value": facts["value"], "confidence": facts["confidence"]}
    return {key: _brief(value) for key, value in facts.items()}


def _address(address: EmailAddress) -> dict[str, str]:
    return {"name": address.name, "address": address.address}


def _place(place: Place) -> dict[str, Any]:
    return {"mailbox": place.mailbox, "uidvalidity": place.uidvalidity, "uid": place.uid}


def _instant(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _shortened(data: dict[str, Any], *lists: str) -> dict[str, Any]:
    truncated = [name for name in lists if len(data[name]) > _MOST_ENTRIES]
    if not truncated:
        return data
    short = {name: data[name][:_MOST_ENTRIES] for name in truncated}
    return {**data, **short, "truncated": truncated}
