"""A stored event as the bytes that are sent.

The bytes depend on the event alone, so every attempt of a delivery sends the same body; what
differs between attempts (timestamp, signature) is in the headers.

``sage``
    ``{"type": "message.new", "timestamp": "2026-01-31T08:15:00.123Z", "data": {...},
    "sequence": 17}``: the payload of the Standard Webhooks specification and the event's number.
``guide``
    ``{"event": {...}, "webhook_config": {...}}`` with the guide's names: ``new_message``, ``uid``,
    ``subject``, ``sender``, ``timestamp`` (seconds since 1970), ``has_attachments``, ``size``,
    ``webhook_metadata``. All other facts follow under our own names. ``email_content``, the bodies
    and headers, is left out: no body leaves the system as long as nothing redacts it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from sage_mail.delivery.events import EventType

__all__ = ["StoredEvent", "encode"]

_GUIDE_VERSION = "1.0"
_GUIDE_SOURCE = "python-sage-imap"
# The guide has names for two of the types; the others follow its way of naming.
_GUIDE_TYPES: dict[str, str] = {
    EventType.MESSAGE_NEW: "new_message",
    EventType.MESSAGE_DELETED: "message_deleted",
}
_GUIDE_FACTS = ("uid", "subject", "sender", "timestamp", "has_attachments", "size")


class StoredEvent(Protocol):
    """What of an event's record goes onto the wire."""

    @property
    def seq(self) -> int:
        """The event's number in the order of the commits."""

    @property
    def event_id(self) -> str:
        """The event's own id, ``evt_...``."""

    @property
    def type(self) -> str:
        """The event's type, dotted."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The facts that receivers get."""


def encode(event: StoredEvent, *, format: Literal["sage", "guide"], endpoint: str) -> bytes:  # noqa: A002 - the name of the setting
    """The event as compact JSON in UTF-8; ``endpoint`` is the name in the guide's envelope."""
    payload = _guide(event, endpoint) if format == "guide" else _sage(event)
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # A lone surrogate has no UTF-8, but its escape is JSON that every parser reads.
    return text.encode("utf-8", "backslashreplace")


def _sage(event: StoredEvent) -> dict[str, Any]:
    moment = event.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds")
    return {
        "type": str(event.type),
        "timestamp": moment.replace("+00:00", "Z"),
        "data": dict(event.data),
        "sequence": event.seq,
    }


def _guide(event: StoredEvent, endpoint: str) -> dict[str, Any]:
    facts = dict(event.data)
    seconds = event.occurred_at.timestamp()
    if "from" in facts:
        sender = facts.pop("from")
        facts["sender"] = sender["address"] if sender else ""
    facts["timestamp"] = seconds
    known = {name: facts.pop(name) for name in _GUIDE_FACTS if name in facts}
    metadata = {
        "version": _GUIDE_VERSION,
        "timestamp": seconds,
        "source": _GUIDE_SOURCE,
        "event_id": event.event_id,
    }
    type_ = _GUIDE_TYPES.get(event.type, event.type.replace(".", "_"))
    return {
        "event": {"type": type_, **known, **facts, "webhook_metadata": metadata},
        "webhook_config": {"name": endpoint, "version": _GUIDE_VERSION},
    }
