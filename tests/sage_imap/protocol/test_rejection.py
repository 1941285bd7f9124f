from __future__ import annotations

import base64
import json

import pytest

from sage_imap.errors import (
    AuthenticationFailed,
    CommandRejected,
    MailboxExists,
    MailboxNotFound,
    PermissionDenied,
    QuotaExceeded,
    Throttled,
)
from sage_imap.protocol.events import CommandCompleted, Handle, ResponseCode, Status
from sage_imap.protocol.rejection import challenge_details, rejection


def rejected(
    code: str | None, text: str = "", *, name: str = "NOOP", status: Status = Status.NO
) -> CommandRejected:
    response_code = None if code is None else ResponseCode(code)
    return rejection(CommandCompleted(Handle("A1", name), status, response_code, text))


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("ALREADYEXISTS", MailboxExists, False),
        ("AUTHENTICATIONFAILED", AuthenticationFailed, False),
        ("EXPIRED", AuthenticationFailed, False),
        ("INUSE", Throttled, True),
        ("NONEXISTENT", MailboxNotFound, False),
        ("TRYCREATE", MailboxNotFound, False),
        ("NOPERM", PermissionDenied, False),
        ("OVERQUOTA", QuotaExceeded, False),
        ("UNAVAILABLE", Throttled, True),
        ("CLIENTBUG", CommandRejected, False),
        (None, CommandRejected, False),
    ],
)
def test_codes(code: str | None, kind: type[CommandRejected], retryable: bool) -> None:
    """The response code says what the matter is."""
    error = rejected(code, "text")
    assert type(error) is kind
    assert (error.status, error.code, error.text) == ("NO", code, "text")
    assert error.retryable is retryable


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("Request throttled. Suggested Backoff Time: 4750 milliseconds", 4.75),
        ("Too many simultaneous connections. Try again in 5 minutes", 300.0),
        ("Service unavailable, retry after 30 s", 30.0),
        ("temporarily locked, wait 2 hours", 7200.0),
        ("Server Unavailable. 11", None),
    ],
)
def test_busy_servers(text: str, delay: float | None) -> None:
    """A server that is busy is worth another try, after the delay that it names."""
    error = rejected(None, text, status=Status.BAD)
    assert isinstance(error, Throttled)
    assert (error.status, error.retryable, error.retry_after) == ("BAD", True, delay)


def test_signing_in() -> None:
    """A NO to LOGIN is a matter of credentials unless the server says otherwise, a BAD is not."""
    assert isinstance(rejected(None, "no", name="LOGIN"), AuthenticationFailed)
    assert isinstance(rejected("ALERT", "no", name="AUTHENTICATE"), AuthenticationFailed)
    assert isinstance(rejected("UNAVAILABLE", "no", name="LOGIN"), Throttled)
    assert isinstance(rejected(None, "Try again later", name="LOGIN"), Throttled)
    assert type(rejected(None, "no", name="LOGIN", status=Status.BAD)) is CommandRejected
    text = "LIST: user is authenticated but not connected"
    assert isinstance(rejected(None, text, name="LIST", status=Status.BAD), AuthenticationFailed)


def test_the_challenge_explains() -> None:
    """The JSON of a SASL error challenge is the error's details."""
    challenge = base64.b64encode(json.dumps({"status": "400"}).encode()).decode()
    event = CommandCompleted(Handle("A1", "AUTHENTICATE"), Status.NO)
    error = rejection(event, challenge=challenge)
    assert isinstance(error, AuthenticationFailed)
    assert error.details == {"status": "400"}


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_challenges_that_explain_nothing(data: bytes) -> None:
    """A challenge that holds no JSON object gives no details."""
    assert challenge_details(base64.b64encode(data).decode()) == {}
    assert challenge_details("not base64!") == {}
