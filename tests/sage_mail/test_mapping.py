"""The guide's flat mapping as settings."""

from __future__ import annotations

from typing import Any

import pytest

from sage_mail.errors import ConfigError
from sage_mail.mapping import settings_from_mapping

# The keys that the guide's main block has.
_GUIDE: dict[str, Any] = {
    "host": "imap.example.org",
    "username": "ada@example.org",
    "password": "hunter2",
    "use_ssl": True,
    "port": 993,
    "webhooks": {
        "endpoints": [
            {
                "name": "primary",
                "url": "https://api.example.org/hook",
                "secret": "a secret of the guide",
                "filter_sensitive": True,
            }
        ]
    },
}


def test_the_mapping_of_the_guide() -> None:
    """One account and its endpoint, with the guide's envelope and the events that it forwards."""
    settings = settings_from_mapping(_GUIDE)
    (account,), (endpoint,) = settings.accounts, settings.webhooks
    assert (account.host, account.effective_port, account.security) == (
        "imap.example.org",
        993,
        "tls",
    )
    assert (account.username, account.resolve_password()) == ("ada@example.org", "hunter2")
    assert (account.folders, account.initial) == (["INBOX"], "none")
    assert (endpoint.name, endpoint.url) == ("primary", "https://api.example.org/hook")
    assert endpoint.resolve_secrets() == ("a secret of the guide",)
    assert (endpoint.format, endpoint.sends_content, endpoint.filter_sensitive) == (
        "guide",
        True,
        True,
    )
    assert endpoint.events == ["message.new", "message.deleted"]
    assert not settings.routing.enabled


def test_the_keys_of_the_file_beside_them() -> None:
    """Tables and keys of the configuration file keep their names and their meaning."""
    settings = settings_from_mapping(
        {
            "server": "localhost",
            "user": "ada",
            "password": "x",
            "use_ssl": False,
            "folders": ["INBOX", "Sales"],
            "routing": {"enabled": True},
            "http": {"port": 0},
            "webhooks": {"endpoints": [{"url": "https://x.example/", "version": "1.0"}]},
        }
    )
    account = settings.accounts[0]
    assert (account.security, account.effective_port) == ("plain", 143)
    assert account.folders == ["INBOX", "Sales"]
    assert settings.routing.enabled
    assert settings.http.port == 0
    assert settings.webhooks[0].name == "webhook1"


def test_security_is_stronger_than_use_ssl() -> None:
    """Who says both is taken at the more exact word."""
    settings = settings_from_mapping({**_GUIDE, "port": 143, "security": "starttls"})
    assert settings.accounts[0].security == "starttls"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pasword": "hunter2"}, "unknown key 'pasword', did you mean 'password'"),
        ({"webhooks": []}, "webhooks is not a mapping"),
        ({"webhooks": {"endpoint": []}}, "unknown key 'endpoint', did you mean 'endpoints'"),
        ({"webhooks": {"endpoints": ["https://x"]}}, "the 1. is not a mapping"),
        (
            {"webhooks": {"endpoints": [{"url": "https://x", "secrt": "hunter2"}]}},
            "unknown key 'secrt', did you mean 'secret'",
        ),
        ({"webhooks": {"endpoints": [{"url": "no address"}]}}, "is not a web address"),
        ({"port": "hunter2"}, "port"),
    ],
)
def test_what_cannot_be_used(changes: dict[str, Any], words: str) -> None:
    """It is an error that names the key and shows no value."""
    with pytest.raises(ConfigError) as caught:
        settings_from_mapping({**_GUIDE, **changes})
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
