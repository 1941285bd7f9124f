"""A stored event as the bytes that are sent.

The bytes depend on the event and its message alone, so every attempt of a delivery sends the same
body; what differs between attempts (timestamp, signature) is in the headers.

``sage``
    ``{"id": "evt_...", "type": "message.new", "timestamp": "2026-01-31T08:15:00.123Z",
    "data": {...}, "sequence": 17}``: the payload of the Standard Webhooks specification, the
    event's id and its number. The content of a message is in ``data.content``.
``guide``
    ``{"event": {...}, "webhook_config": {...}}`` with the guide's names: ``new_message``, ``uid``,
    ``subject``, ``sender``, ``timestamp`` (seconds since 1970), ``has_attachments``, ``size``,
    ``email_content``, ``webhook_metadata``. All other facts follow under our own names. The bytes
    are those of ``json.dumps``, so that a receiver which signs what it has parsed and written
    again comes to the same signature.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from sage_mail.delivery.content import LONGEST_BODY, LONGEST_FIELD, Content, shortened
from sage_mail.delivery.events import EventType
from sage_mail.security.redaction import redact

__all__ = ["StoredEvent", "cut_content", "encode", "guide_content"]

_GUIDE_VERSION = "1.0"
_GUIDE_SOURCE = "python-sage-imap"
# The guide has names for two of the types; the others follow its way of naming.
_GUIDE_TYPES: dict[str, str] = {
    EventType.MESSAGE_NEW: "new_message",
    EventType.MESSAGE_DELETED: "message_deleted",
}
_BODIES = ("plain", "html", "plain_body", "html_body")
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


def encode(
    event: StoredEvent,
    *,
    format: Literal["sage", "guide"],  # noqa: A002 - the name of the setting
    endpoint: str,
    content: Content | None = None,
    filter_sensitive: bool = False,
) -> bytes:
    """The event as JSON in UTF-8; ``endpoint`` is the name in the guide's envelope.

    With ``filter_sensitive`` every text is redacted, see `sage_mail.security.redaction`.
    """
    clean: Callable[[Any], Any] = redact if filter_sensitive else _unchanged
    facts = dict(clean(event.data))
    if format == "guide":
        if content is not None:
            read = guide_content(content)
            facts["email_content"] = cut_content(clean(read), read)
        return json.dumps(_guide(event, facts, endpoint), allow_nan=False).encode()
    if content is not None:
        read = _content(content)
        facts["content"] = cut_content(clean(read), read)
    text = json.dumps(
        _sage(event, facts), ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    # A lone surrogate has no UTF-8, but its escape is JSON that every parser reads.
    return text.encode("utf-8", "backslashreplace")


def _unchanged(value: Any) -> Any:
    return value


def _content(content: Content) -> dict[str, Any]:
    return {
        "plain": content.plain,
        "html": content.html,
        "headers": [[name, value] for name, value in content.headers],
        "truncated": list(content.truncated),
    }


def guide_content(content: Content) -> dict[str, Any]:
    """The content by the guide's names, to be redacted where that is wanted and then cut."""
    # The first of each name, as in ``dict(message.headers)``.
    firsts: dict[str, tuple[str, str]] = {}
    for name, value in content.headers:
        firsts.setdefault(name.lower(), (name, value))
    return {
        "plain_body": content.plain,
        "html_body": content.html,
        "headers": dict(firsts.values()),
        "attachments": [
            {"filename": each.filename, "content_type": each.content_type, "size": each.size}
            for each in content.attachments
        ],
        "truncated": list(content.truncated),
    }


def cut_content(content: dict[str, Any], read: dict[str, Any]) -> dict[str, Any]:
    """The content, redacted or not, at its proper length; *read* is what it was before."""
    bodies = {
        name: shortened(content[name], LONGEST_BODY, read=read[name])
        for name in _BODIES
        if name in content
    }
    named = isinstance(content["headers"], dict)
    fields, before = (
        list(headers.items()) if named else headers
        for headers in (content["headers"], read["headers"])
    )
    headers = [
        [name, shortened(value, LONGEST_FIELD, read=whole)]
        for (name, value), (_, whole) in zip(fields, before, strict=True)
    ]
    return {**content, **bodies, "headers": dict(headers) if named else headers}


def _sage(event: StoredEvent, facts: dict[str, Any]) -> dict[str, Any]:
    moment = event.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds")
    return {
        "id": event.event_id,
        "type": str(event.type),
        "timestamp": moment.replace("+00:00", "Z"),
        "data": facts,
        "sequence": event.seq,
    }


def _guide(event: StoredEvent, facts: dict[str, Any], endpoint: str) -> dict[str, Any]:
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
