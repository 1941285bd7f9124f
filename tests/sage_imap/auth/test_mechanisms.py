"""What SASL mechanisms say and answer."""

from __future__ import annotations

import pytest

from sage_imap.auth import Mechanism, Plain, XOAuth2
from sage_imap.errors import LocalProtocolError


def test_plain() -> None:
    """PLAIN is three fields with NUL between them, in UTF-8."""
    plain = Plain("ann", "pässword")
    assert plain.name == "PLAIN"
    assert plain.initial_response() == b"\0ann\0p\xc3\xa4ssword"
    assert Plain("ann", "pw", "bob").initial_response() == b"bob\0ann\0pw"
    assert plain.respond(b"more") is None
    assert plain.error == {}


def test_xoauth2() -> None:
    """XOAUTH2 sends user and token; a challenge is the reason of a refusal."""
    mechanism: Mechanism = XOAuth2("ann@tide.example", "stale")
    assert mechanism.name == "XOAUTH2"
    assert mechanism.initial_response() == b"user=ann@tide.example\1auth=Bearer stale\1\1"
    assert mechanism.respond(b'{"status":"400","schemes":"Bearer"}') == b""
    assert mechanism.error == {"status": "400", "schemes": "Bearer"}


def test_secrets_are_not_shown() -> None:
    """Neither password nor token is in a repr."""
    assert "secret" not in repr(Plain("ann", "secret")) + repr(XOAuth2("ann", "secret"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Plain("a\0b", "pw"),
        lambda: Plain("ann", "p\0w"),
        lambda: XOAuth2("ann\1auth=Bearer x", "t"),
        lambda: Plain("ann", "\ud83d"),
    ],
)
def test_credentials_that_would_break_out(make: object) -> None:
    """Credentials with the mechanism's own separator are refused."""
    assert callable(make)
    with pytest.raises(LocalProtocolError):
        make()
