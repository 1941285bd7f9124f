"""Which error a NO or BAD is.

The response code decides (RFC 5530, RFC 9051 section 7.1). Where a server sends none, or one that
says nothing of the cause, a few phrases of large providers do; a phrase only ever makes a rejection
one that is worth another try later or one of rights, never a success.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from binascii import Error as BinasciiError
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
from sage_imap.protocol.events import CommandCompleted, Status

__all__ = ["challenge_details", "rejection"]

_BY_CODE: Final[dict[str, type[CommandRejected]]] = {
    "ALREADYEXISTS": MailboxExists,
    "AUTHENTICATIONFAILED": AuthenticationFailed,
    "AUTHORIZATIONFAILED": AuthenticationFailed,
    "EXPIRED": AuthenticationFailed,
    "INUSE": Throttled,
    "NONEXISTENT": MailboxNotFound,
    "NOPERM": PermissionDenied,
    "OVERQUOTA": QuotaExceeded,
    "PRIVACYREQUIRED": AuthenticationFailed,
    "THROTTLED": Throttled,
    "TRYCREATE": MailboxNotFound,
    "UNAVAILABLE": Throttled,
}
_SIGN_IN: Final = frozenset({"AUTHENTICATE", "LOGIN"})
# Microsoft 365: the mailbox of the account cannot be opened, whatever the command.
_NO_MAILBOX: Final = re.compile(r"authenticated but not connected", re.IGNORECASE)
# Microsoft 365 and Exchange, Gmail, Yahoo, iCloud.
_BUSY: Final = re.compile(
    r"throttled|(?:server|service) unavailable|temporar(?:y|ily)|try (?:again|later)"
    r"|too many (?:simultaneous )?connections|too busy|rate limit|bandwidth limit",
    re.IGNORECASE,
)
_DELAY: Final = re.compile(
    r"(?:backoff time|again in|again after|retry after|wait)\D{0,20}([0-9]{1,9})\s*"
    r"(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|hours?)\b",
    re.IGNORECASE,
)
_SECONDS: Final = {"mi": 60.0, "se": 1.0, "s": 1.0, "ho": 3600.0}


def rejection(event: CommandCompleted, *, challenge: str = "") -> CommandRejected:
    """The error that *event*, which is not OK, stands for.

    *challenge* is the text of the last continuation of an AUTHENTICATE; the JSON in it
    (RFC 7628 section 3.2.2) becomes the error's ``details``.
    """
    code = event.code.name if event.code else None
    kind = _kind(event, code)
    status = event.status.value
    if issubclass(kind, AuthenticationFailed):
        details = challenge_details(challenge)
        return kind(status, code, event.text, command=event.handle.name, details=details)
    delay = _delay(event.text)
    return kind(status, code, event.text, command=event.handle.name, retry_after=delay)


def challenge_details(challenge: str) -> dict[str, object]:
    """The JSON object in a base64 *challenge*; empty where there is none."""
    try:
        details = json.loads(b64decode(challenge, validate=True))
    except (BinasciiError, ValueError, RecursionError):
        return {}
    return details if isinstance(details, dict) else {}


def _kind(event: CommandCompleted, code: str | None) -> type[CommandRejected]:
    known = _BY_CODE.get(code or "")
    if known is not None:
        return known
    if _NO_MAILBOX.search(event.text):
        return AuthenticationFailed
    if _BUSY.search(event.text):
        return Throttled
    if event.handle.name in _SIGN_IN and event.status is Status.NO:
        return AuthenticationFailed
    return CommandRejected


def _delay(text: str) -> float | None:
    match = _DELAY.search(text)
    if match is None:
        return None
    unit = match[2].lower()
    if unit.startswith(("milli", "ms")):
        return int(match[1]) / 1000
    return int(match[1]) * (_SECONDS.get(unit[:2]) or _SECONDS[unit[:1]])
