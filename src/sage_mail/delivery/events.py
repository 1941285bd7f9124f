"""What can be announced: the event types by their names on the wire, and an event to be written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

__all__ = ["EventType", "NewEvent", "matches", "pattern_of"]


class EventType(StrEnum):
    """The name of an event, as it is stored and as it travels."""

    MESSAGE_NEW = "message.new"
    MESSAGE_MOVED = "message.moved"
    MESSAGE_DELETED = "message.deleted"
    MESSAGE_FLAGS_CHANGED = "message.flags_changed"
    MESSAGE_ATTACHMENTS = "message.attachments"
    MESSAGE_FAILED = "message.failed"
    MAILBOX_RESET = "mailbox.reset"
    ACCOUNT_CONNECTED = "account.connected"
    ACCOUNT_DISCONNECTED = "account.disconnected"
    ACCOUNT_AUTH_FAILED = "account.auth_failed"
    ENDPOINT_DISABLED = "endpoint.disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event that is about to be written.

    ``account`` and ``mailbox`` are names (the account's is empty where the event is about none),
    ``message_id`` is the row of the message (not its Message-ID header), ``data`` is what the
    receivers get, made by `sage_mail.delivery.payloads`.
    """

    type: EventType
    account: str
    occurred_at: datetime
    mailbox: str | None = None
    message_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def matches(patterns: Iterable[str], type_: str) -> bool:
    """True if one of the patterns (``*``, ``message.*``, ``message.new``) covers the event type."""
    return any(pattern_of(pattern).fullmatch(type_) for pattern in patterns)


@lru_cache(maxsize=4096)
def pattern_of(text: str) -> re.Pattern[str]:
    """The pattern as an expression: ``*`` is any text, and every other character is itself.

    Not as in a shell, where ``[Gmail]`` is one of five letters.
    """
    # Runs of stars are one, and what a star has left behind is not tried again: linear in the text
    # for each star.
    first, *others = (re.escape(part) for part in re.split(r"\*+", text))
    *middle, last = others or [""]
    between = "".join(f"(?>.*?{part})" for part in middle)
    return re.compile(f"{first}{between}.*{last}" if others else first, re.DOTALL)
