"""The guide's flat mapping as settings.

``{"host", "username", "password", "use_ssl", "port", "webhooks": {"endpoints": [...]}}`` becomes
one account and its endpoints. All other keys are those of the configuration file, by the same
names; what neither knows is an error, as it is in the file. Classes that are made from the mapping
and need no settings of the service look at its keys in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from sage_imap.config import IMAPConfig
from sage_mail.delivery.notifications.settings import NotificationSettings
from sage_mail.errors import ConfigError
from sage_mail.settings import AccountSettings, Settings, WebhookSettings
from sage_mail.settings_problems import describe, nearest

__all__ = ["channels_of", "require_known_keys", "settings_from_mapping"]

_ACCOUNT: Final = frozenset(AccountSettings.model_fields)
_TOP: Final = frozenset(Settings.model_fields) - {"accounts", "webhooks"}
_ENDPOINT: Final = frozenset(WebhookSettings.model_fields)
_ALIASES: Final = {"user": "username", "server": "host"}
# What pattern classes that are made from the same mapping understand, and the service does not.
_OF_CLASSES: Final = {"own_domains"}
# What the connection understands and those classes that classify, beside what the service does.
_OF_CONNECTIONS: Final = frozenset(field.name for field in fields(IMAPConfig)) | {
    *("hostname", "login", "server", "ssl", "tls", "use_tls", "user")
}
_OF_PROCESSORS: Final = frozenset({"folder_mapping", "model", "threshold"})
_KNOWN_TO_CLASSES: Final = (
    _ACCOUNT | _TOP | _OF_CLASSES | _OF_CONNECTIONS | _OF_PROCESSORS | {"webhooks"}
)
# What the guide's own bridge forwards.
_EVENTS: Final = ("message.new", "message.deleted")


def settings_from_mapping(mapping: Mapping[str, Any]) -> Settings:
    """The settings that the mapping asks for; the environment counts above it, as over the file.

    An endpoint gets what the guide's would: its envelope and signature, new and deleted mail.

    Raises:
        ConfigError: with one line for each problem.
    """
    raw = _tables(mapping)
    try:
        return Settings(**raw)
    except ValidationError as error:
        raise ConfigError(describe(error, raw, None, Settings)) from error


class _Channels(BaseModel):
    notifications: list[NotificationSettings]


def require_known_keys(mapping: Mapping[str, Any]) -> None:
    """Make sure that each key means something to one of the classes made from the mapping.

    Raises:
        ConfigError: one does not; the text has the nearest that does.
    """
    for key in mapping:
        if key not in _KNOWN_TO_CLASSES:
            raise _unknown("config", key, _KNOWN_TO_CLASSES)


def channels_of(notifications: Sequence[Mapping[str, Any]]) -> list[NotificationSettings]:
    """The channels of these tables of ``[[notifications]]``.

    Raises:
        ConfigError: with one line for each problem.
    """
    raw = {"notifications": notifications}
    try:
        return _Channels.model_validate(raw).notifications
    except ValidationError as error:
        raise ConfigError(describe(error, raw, None, _Channels)) from error


def _tables(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of the configuration file that say the same."""
    account: dict[str, Any] = {"name": "mail"}
    tables: dict[str, Any] = {}
    webhooks: Any = {}
    security: str | None = None
    for key, value in mapping.items():
        name = _ALIASES.get(key, key)
        if name in ("use_ssl", "ssl"):
            security = "tls" if value else "plain"
        elif name == "webhooks":
            webhooks = value
        elif name in _ACCOUNT:
            account[name] = value
        elif name in _TOP:
            tables[name] = value
        elif name in _OF_CLASSES:
            continue
        else:
            raise _unknown("config", key, _ACCOUNT | _TOP | {"use_ssl", "webhooks"})
    if security is not None:
        account.setdefault("security", security)
    tables["accounts"] = [account]
    tables["webhooks"] = _endpoints(webhooks)
    return tables


def _endpoints(webhooks: Any) -> list[dict[str, Any]]:
    if not isinstance(webhooks, Mapping) or not isinstance(webhooks.get("endpoints", []), list):
        raise ConfigError('config: webhooks is not a mapping; write {"endpoints": [{...}]}')
    for key in webhooks:
        if key != "endpoints":
            raise _unknown("config: webhooks", key, {"endpoints"})
    return [_endpoint(number, each) for number, each in enumerate(webhooks.get("endpoints", []), 1)]


def _endpoint(number: int, given: Any) -> dict[str, Any]:
    where = f"config: webhooks.endpoints, the {number}."
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where} is not a mapping")
    values = {"name": f"webhook{number}", "format": "guide", "events": list(_EVENTS), **given}
    # The version of the guide's envelope is the one that there is.
    values.pop("version", None)
    for key in values:
        if key not in _ENDPOINT:
            raise _unknown(where, key, _ENDPOINT)
    return values


def _unknown(where: str, key: object, known: frozenset[str] | set[str]) -> ConfigError:
    return ConfigError(f"{where}: unknown key {key!r}{nearest(str(key), known)}")
