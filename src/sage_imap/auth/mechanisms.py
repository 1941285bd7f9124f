"""PLAIN and XOAUTH2.

A mechanism says its initial response and answers challenges; whether the former goes along with
AUTHENTICATE (SASL-IR) or answers the first, empty challenge is the caller's matter. Its repr shows
no secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from sage_imap.auth.messages import decode_error
from sage_imap.errors import LocalProtocolError

__all__ = ["Mechanism", "Plain", "XOAuth2"]


class Mechanism(Protocol):
    """What `AUTHENTICATE` needs of a SASL mechanism (RFC 4422)."""

    @property
    def name(self) -> str:
        """The mechanism's registered name."""

    @property
    def error(self) -> dict[str, object]:
        """What the server said of its refusal; empty where it said nothing."""

    def initial_response(self) -> bytes:
        """What the client says first."""

    def respond(self, challenge: bytes) -> bytes | None:
        """The answer to *challenge*; None: there is none, and the exchange is to be cancelled."""


@dataclass(slots=True)
class Plain:
    """User name and password as they are (RFC 4616); only ever to be used within TLS."""

    username: str
    password: str = field(repr=False)
    authorization_id: str = ""
    error: dict[str, object] = field(default_factory=dict, init=False)
    name: str = field(default="PLAIN", init=False)

    def __post_init__(self) -> None:
        _check(self.username + self.password + self.authorization_id, separator="\0")

    def initial_response(self) -> bytes:
        """Authorization identity, user name and password, NUL between them."""
        return f"{self.authorization_id}\0{self.username}\0{self.password}".encode()

    def respond(self, challenge: bytes) -> bytes | None:
        """None: PLAIN has said all it has to say."""
        return None


@dataclass(slots=True)
class XOAuth2:
    """An OAuth 2.0 access token, as Google and Microsoft take it.

    Source: developers.google.com/workspace/gmail/imap/xoauth2-protocol.
    """

    username: str
    access_token: str = field(repr=False)
    error: dict[str, object] = field(default_factory=dict, init=False)
    name: str = field(default="XOAUTH2", init=False)

    def __post_init__(self) -> None:
        _check(self.username + self.access_token, separator="\1")

    def initial_response(self) -> bytes:
        """User name and token."""
        return f"user={self.username}\1auth=Bearer {self.access_token}\1\1".encode()

    def respond(self, challenge: bytes) -> bytes | None:
        """An empty line: the challenge is the server's reason, and its NO follows the answer."""
        self.error = decode_error(challenge)
        return b""


def _check(text: str, *, separator: str) -> None:
    if separator in text:
        raise LocalProtocolError("credentials hold the octet that separates them; nothing was sent")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError("credentials hold half a surrogate pair") from error
