"""Which events an endpoint is sent: lists of patterns and, where these do not do, an expression.

All conditions that are given must be met. One that asks for a fact that the event lacks (a category
of ``account.connected``) is not met.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sage_mail.delivery.events import matches, pattern_of
from sage_mail.delivery.expressions import Expression, ExpressionError
from sage_mail.telemetry import get_logger

__all__ = ["Announced", "Conditions", "facts_of"]

_log = get_logger(__name__)

# Its name, and that of the level above its children, is the same in whatever case (RFC 9051
# section 5.1).
_INBOX: Final = re.compile(r"inbox(?=[/.]|\Z)", re.IGNORECASE)


class Announced(Protocol):
    """What is looked at of an event, whether it is stored already or about to be."""

    @property
    def type(self) -> str:
        """The event's type, dotted."""

    @property
    def account(self) -> str:
        """The account's name, empty where it is about none."""

    @property
    def mailbox(self) -> str | None:
        """The mailbox's name on the server."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The facts that receivers get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The conditions of one endpoint; what is empty asks for nothing.

    ``events``, ``accounts`` and ``folders`` are patterns in which ``*`` is any text and all else is
    itself; folders may be written with ``/`` between levels whatever the server uses; ``senders``
    are patterns of addresses, in which case is ignored.
    """

    events: Sequence[str] = ("*",)
    accounts: Sequence[str] = ()
    folders: Sequence[str] = ()
    categories: Sequence[str] = ()
    priorities: Sequence[str] = ()
    senders: Sequence[str] = ()
    expression: Expression | None = None

    def met_by(self, event: Announced) -> bool:
        """Whether the event is to be sent."""
        return (
            matches(self.events, event.type)
            and (not self.accounts or matches(self.accounts, event.account))
            and (not self.folders or _lies_in(self.folders, event.mailbox))
            and (not self.categories or event.data.get("category") in self.categories)
            and (not self.priorities or event.data.get("priority") in self.priorities)
            and (not self.senders or _is_from(self.senders, event.data.get("from")))
            and (self.expression is None or _holds(self.expression, event))
        )


def facts_of(event: Announced) -> dict[str, Any]:
    """The event as the variables that an `Expression` sees."""
    data = event.data
    sender = data.get("from") or {}
    attachments = data.get("attachments") or ()
    return {
        **data,
        "event": str(event.type),
        "account": event.account,
        "folder": event.mailbox,
        "sender": str(sender.get("address", "")).lower(),
        "sender_name": sender.get("name"),
        "to": _addresses(data.get("to")),
        "cc": _addresses(data.get("cc")),
        "attachment_names": [attachment.get("filename") for attachment in attachments],
        "attachment_types": [attachment.get("content_type") for attachment in attachments],
    }


def _holds(expression: Expression, event: Announced) -> bool:
    try:
        return expression.holds(facts_of(event))
    except ExpressionError as error:
        # Rather one event too many than one that nobody ever hears of.
        _log.warning("webhook_filter_failed", event_type=str(event.type), reason=str(error))
        return True


def _lies_in(patterns: Sequence[str], mailbox: str | None) -> bool:
    if mailbox is None:
        return False
    mailbox = _with_inbox(mailbox)
    names = {mailbox, mailbox.replace(".", "/")}
    wanted = [pattern_of(_with_inbox(pattern)) for pattern in patterns]
    return any(pattern.fullmatch(name) for name in names for pattern in wanted)


def _with_inbox(name: str) -> str:
    return f"INBOX{name[5:]}" if _INBOX.match(name) else name


def _is_from(patterns: Sequence[str], sender: Mapping[str, str] | None) -> bool:
    address = (sender or {}).get("address", "").lower()
    return bool(address) and matches([pattern.lower() for pattern in patterns], address)


def _addresses(people: Sequence[Mapping[str, str]] | None) -> list[str]:
    return [str(person.get("address", "")).lower() for person in people or ()]
