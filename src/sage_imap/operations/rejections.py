"""From a NO or BAD to the error that says what to do about it.

Response codes are those of RFC 5530 and of the extensions' RFCs; where a server puts its meaning
into the text instead, the phrases are listed with their source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sage_imap.errors import (
    AuthenticationFailed,
    CommandRejected,
    MailboxExists,
    MailboxNotFound,
    PermissionDenied,
    QuotaExceeded,
    Throttled,
)
from sage_imap.protocol.events import CommandCompleted

__all__ = ["rejection"]

_BY_CODE: Final[Mapping[str, type[CommandRejected]]] = {
    "ALREADYEXISTS": MailboxExists,
    "AUTHENTICATIONFAILED": AuthenticationFailed,
    "AUTHORIZATIONFAILED": AuthenticationFailed,
    "CONTACTADMIN": PermissionDenied,
    "EXPIRED": AuthenticationFailed,
    "INUSE": Throttled,
    "LIMIT": Throttled,
    "NONEXISTENT": MailboxNotFound,
    "NOPERM": PermissionDenied,
    "OVERQUOTA": QuotaExceeded,
    "PRIVACYREQUIRED": AuthenticationFailed,
    "SERVERBUG": Throttled,
    "THROTTLED": Throttled,
    "TRYCREATE": MailboxNotFound,
    "UNAVAILABLE": Throttled,
}
_SIGN_IN: Final = frozenset({"LOGIN", "AUTHENTICATE"})

# Microsoft 365: "Request is throttled. Suggested Backoff Time: 299961 milliseconds"; and, with a
# BAD after a sign-in that went well, "User is authenticated but not connected."
_BACKOFF: Final = re.compile(r"Suggested Backoff Time:\s*(\d{1,12})\s*milliseconds", re.IGNORECASE)
_BUSY: Final = re.compile(
    r"too many (?:simultaneous )?connections|server unavailable|request is throttled"
    r"|authenticated but not connected|temporar(?:y|ily)",
    re.IGNORECASE,
)


def rejection(
    completed: CommandCompleted, details: Mapping[str, object] | None = None
) -> CommandRejected:
    """The error for a completion that is not OK.

    *details* are what the server said in a SASL error challenge.
    """
    code = completed.code.name if completed.code else None
    text = completed.text
    backoff = _BACKOFF.search(text)
    retry_after = int(backoff[1]) / 1000 if backoff else None
    kind = _BY_CODE.get(code or "", CommandRejected)
    busy = kind is Throttled or retry_after is not None or _BUSY.search(text) is not None
    status = completed.status.value
    if completed.handle.name in _SIGN_IN:
        return AuthenticationFailed(
            status,
            code,
            text,
            retryable=busy,
            retry_after=retry_after,
            details=dict(details or {}),
        )
    if busy and kind is CommandRejected:
        kind = Throttled
    return kind(status, code, text, retry_after=retry_after)
