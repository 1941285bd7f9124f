"""The token is read rarely, and a new one counts soon."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import HTTPConnection

from sage_mail.console import access as accesses
from sage_mail.console.access import Access
from sage_mail.errors import SecretUnavailable


def _connection(token: str, **headers: str) -> HTTPConnection:
    fields = {"authorization": f"Bearer {token}", **headers}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]
    return HTTPConnection({"type": "http", "headers": raw, "query_string": b""})


async def test_a_thousand_ask_once() -> None:
    """Clients that come back at the same moment cost one look at the place of the token."""
    asked: list[int] = []

    def token() -> str:
        asked.append(1)
        return "the-token"

    access = Access(token)
    found = await asyncio.gather(*(access.admits(_connection("the-token")) for _ in range(1000)))
    assert all(found)
    assert len(asked) == 1


async def test_a_rotated_token_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time the token is read anew; one that cannot be read opens nothing."""
    monkeypatch.setattr(accesses, "_KEPT_SECONDS", 0.0)
    tokens = iter(["old", "new", "new"])

    def token() -> str:
        try:
            return next(tokens)
        except StopIteration:
            raise SecretUnavailable("it is gone") from None

    access = Access(token)
    assert await access.admits(_connection("old"))
    assert not await access.admits(_connection("old"))
    assert await access.admits(_connection("new"))
    assert not await access.admits(_connection("new"))
    assert not await access.admits(_connection(""))


@pytest.mark.parametrize(
    ("origin", "host", "welcome"),
    [
        ("http://mail.example.org:8766", "mail.example.org:8766", True),
        ("https://MAIL.example.org", "mail.example.org", True),
        ("https://Dash.example.org", "mail.example.org", True),
        ("https://dash.example.org:444", "mail.example.org", False),
        ("https://evil.example", "mail.example.org", False),
        ("null", "mail.example.org", False),
        ("", "mail.example.org", False),
        ("", "", False),
        ("http://[", "mail.example.org", False),
    ],
)
def test_origins(origin: str, host: str, welcome: bool) -> None:
    """Our own pages and those that are named are welcome, and no others."""
    access = Access(lambda: "", origins=["https://dash.example.org"])
    assert access.welcomes(_connection("t", origin=origin, host=host)) is welcome
