"""How to reach and to enter a mail server."""

from __future__ import annotations

import difflib
import math
import re
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv6Address
from typing import Any, Final, Literal

from sage_imap.errors import ConfigurationError
from sage_imap.protocol.quirks import CORE_QUIRKS, GRAMMAR_QUIRKS, Quirks

__all__ = ["IMAPConfig", "Security"]

Security = Literal["tls", "starttls", "plain"]

_PORTS: Final = {"tls": 993, "starttls": 143, "plain": 143}
_WAYS_IN: Final = ("login", "plain", "xoauth2")
# The names that other libraries and the guide's readers use for the same thing.
_ALIASES: Final = {
    "hostname": "host",
    "login": "username",
    "server": "host",
    "ssl": "use_ssl",
    "tls": "use_ssl",
    "use_tls": "use_ssl",
    "user": "username",
}
# What others have as a setting, and how to say it here.
_CERTIFICATES: Final = (
    "certificates and names are always verified, unless you give an ssl_context that does not"
)
_OTHERWISE: Final = {
    "check_hostname": _CERTIFICATES,
    "ssl_verify": _CERTIFICATES,
    "verify": _CERTIFICATES,
    "verify_cert": _CERTIFICATES,
    "verify_ssl": _CERTIFICATES,
    "ca_file": "give ssl_context = ssl.create_default_context(cafile=...)",
    "cafile": "give ssl_context = ssl.create_default_context(cafile=...)",
    "starttls": 'give security = "starttls"',
    "use_starttls": 'give security = "starttls"',
}
# Names that are near nothing of ours and mean it all the same.
_MISNOMERS: Final = {
    "bearer_token": "access_token",
    "oauth2_token": "access_token",
    "oauth_token": "access_token",
    "pass": "password",
    "passwd": "password",
    "pw": "password",
    "pwd": "password",
    "read_timeout": "timeout",
    "socket_timeout": "timeout",
    "uname": "username",
    "userid": "username",
    "usr": "username",
}
_NO_CREDENTIAL: Final = re.compile(r"[\0\r\n]")
# difflib's ratio: "usrname" and "pasword" are above it, "webhooks" and "database" below.
_ALIKE: Final = 0.82


@dataclass(frozen=True, slots=True, kw_only=True)
class IMAPConfig:
    """The settings of one connection.

    *security* is ``tls`` (TLS from the first octet, port 993), ``starttls`` (port 143) or
    ``plain`` (for servers on this machine); where it is None, *use_ssl* chooses between ``tls`` and
    ``plain``. *timeout* is how many seconds the server may be silent while it owes an answer,
    *connect_timeout* bounds TCP and TLS together, and in the asyncio client
    the resolution of the name as well. *auth* is ``login``
    (AUTHENTICATE PLAIN or LOGIN, whichever the server offers), ``plain`` or ``xoauth2``;
    *access_token* is the token or a function that gives a fresh one. *client_id* is sent by ID
    (RFC 2971) where the server offers it. *ssl_context* replaces our own, which verifies names and
    needs TLS 1.2. *strict* names the tolerances that are switched off (``quirk_bare_lf`` ..., see
    `sage_imap.protocol.quirks`), True all of them.

    In a mapping ``user`` and ``login`` stand for *username* too, ``server`` and ``hostname`` for
    *host*, ``ssl``, ``tls`` and ``use_tls`` for *use_ssl*.
    """

    host: str
    username: str = ""
    password: str = field(default="", repr=False)
    port: int | None = None
    use_ssl: bool = True
    security: Security | None = None
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    timeout: float = 30.0
    connect_timeout: float = 30.0
    auth: Literal["login", "plain", "xoauth2"] = "login"
    access_token: str | Callable[[], str] | None = field(default=None, repr=False)
    client_id: Mapping[str, str] | None = None
    strict: bool | Collection[str] = False

    def __post_init__(self) -> None:
        if not self.host or not isinstance(self.host, str):
            raise ConfigurationError("host is missing: the name of the mail server")
        if "/" in self.host or (":" in self.host and not _is_ipv6(self.host)):
            raise ConfigurationError(
                "host is the bare name or address of the server, without imaps:// and port"
            )
        if any(sign.isspace() for sign in self.host):
            raise ConfigurationError("host has a blank or a line end in or around it")
        if self.security not in (None, *_PORTS):
            raise ConfigurationError("security is one of tls, starttls and plain")
        if self.auth not in _WAYS_IN:
            raise ConfigurationError("auth is one of login, plain and xoauth2")
        if not isinstance(self.username, str) or not isinstance(self.password, str):
            raise ConfigurationError("username and password are texts")
        if _NO_CREDENTIAL.search(self.username + self.password):
            raise ConfigurationError(
                "username or password holds a line end or NUL, as what is read from a file does at "
                "its end: strip it"
            )
        if self.port is not None and not (_is_number(self.port, int) and 0 < self.port < 65536):
            raise ConfigurationError(f"port is a number from 1 to 65535, not {self.port!r}")
        if self.auth == "xoauth2" and self.access_token is None:
            raise ConfigurationError("auth = xoauth2 needs access_token")
        self._check_kinds()
        self.quirks()

    def _check_kinds(self) -> None:
        for seconds in (self.timeout, self.connect_timeout):
            if not (_is_number(seconds, (int, float)) and 0 < seconds < math.inf):
                raise ConfigurationError(
                    "timeout and connect_timeout are positive numbers of seconds"
                )
        if not isinstance(self.use_ssl, bool):
            raise ConfigurationError(f"use_ssl is True or False, not {self.use_ssl!r}")
        if not self.use_ssl and self.security == "tls":
            raise ConfigurationError('use_ssl = False contradicts security = "tls": give one alone')
        if not isinstance(self.ssl_context, ssl.SSLContext | None):
            raise ConfigurationError("ssl_context is an ssl.SSLContext")
        if not (isinstance(self.access_token, str | None) or callable(self.access_token)):
            raise ConfigurationError("access_token is a text or a function that gives one")
        if not isinstance(self.client_id, Mapping | None):
            raise ConfigurationError(
                'client_id is a mapping of what to say of oneself: {"name": "..."}'
            )

    @property
    def effective_security(self) -> Security:
        """The security that is in force."""
        return self.security or ("tls" if self.use_ssl else "plain")

    @property
    def effective_port(self) -> int:
        """The port, by default that of the security."""
        return self.port or _PORTS[self.effective_security]

    def quirks(self) -> Quirks:
        """The tolerances for one connection, with their counters at zero."""
        known = {**CORE_QUIRKS, **GRAMMAR_QUIRKS}
        if isinstance(self.strict, bool):
            return Quirks(off=known if self.strict else ())
        unknown = set(self.strict) - known.keys()
        if isinstance(self.strict, str) or unknown:
            raise ConfigurationError("strict is True, False, or names of quirks that there are")
        return Quirks(off=self.strict)

    def token(self) -> str:
        """A fresh access token."""
        token = self.access_token() if callable(self.access_token) else self.access_token
        if not token:
            raise ConfigurationError("access_token is empty")
        return token

    @classmethod
    def of(cls, config: IMAPConfig | Mapping[str, Any]) -> IMAPConfig:
        """The configuration in *config*; a mapping may hold the system's settings as well.

        Keys that are not ours are ignored, but one that looks like a misspelling of ours raises
        `ConfigurationError` with the right name.
        """
        if isinstance(config, IMAPConfig):
            return config
        if not isinstance(config, Mapping):
            raise ConfigurationError(
                "the configuration is a mapping or an IMAPConfig: "
                'IMAPClient({"host": "imap.example.org", "username": ..., "password": ...})'
            )
        ours = {f.name for f in fields(cls)}
        chosen: dict[str, Any] = {}
        for key, value in config.items():
            name = _ALIASES.get(key, key)
            if name != key and not _stands_for(name, value, config):
                continue
            if name in ours:
                chosen[name] = value
            elif key in _OTHERWISE:
                raise ConfigurationError(
                    f"{key!r} is no setting of a connection: {_OTHERWISE[key]}"
                )
            else:
                _refuse_misspelling(key, ours)
        if "host" not in chosen:
            raise ConfigurationError("host is missing: the name of the mail server")
        return cls(**chosen)


def _stands_for(name: str, value: object, config: Mapping[str, Any]) -> bool:
    """Whether *value* is what the setting *name* is called elsewhere, and not the system's own."""
    return name not in config and isinstance(value, bool if name == "use_ssl" else str)


def _is_number(value: object, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _is_ipv6(host: str) -> bool:
    try:
        return IPv6Address(host.partition("%")[0]).version == 6
    except ValueError:
        return False


def _refuse_misspelling(key: object, ours: set[str]) -> None:
    meant = _meant(str(key).lower().replace("-", "_"), ours)
    if meant is not None:
        raise ConfigurationError(f"{key!r} is no setting of a connection; {meant!r} is")


def _meant(key: str, ours: set[str]) -> str | None:
    """The setting of which *key* looks like another spelling; None where it looks like none."""
    bare = key.removeprefix("imap_")
    others = {**_ALIASES, **_MISNOMERS}
    if bare in ours or bare in others:
        return others.get(bare, bare)
    # Letters that are swapped: short names are unlike each other then to difflib.
    known = [*ours, *_ALIASES]
    near = [name for name in known if name[0] == key[:1] and sorted(name) == sorted(key)]
    near = near or difflib.get_close_matches(key, ours, n=1, cutoff=_ALIKE)
    # The plural of another library's name is a list of the system's own.
    if not near and key.removesuffix("s") not in _ALIASES:
        near = difflib.get_close_matches(key, _ALIASES, n=1, cutoff=_ALIKE)
    return _ALIASES.get(near[0], near[0]) if near else None
