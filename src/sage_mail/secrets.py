"""Where a secret comes from: the settings themselves, a file, the environment or the keyring.

A secret is read when it is needed and never kept by us, so a rotated one is picked up by the next
login or delivery. It is never printed, logged or shown by ``repr``.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from sage_mail.errors import ConfigError, SecretUnavailable
from sage_mail.telemetry import get_logger

__all__ = ["SecretSource"]

_log = get_logger(__name__)

# A secret and the one before it.
_AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """One secret by the place that it comes from; at most one of the four may be given.

    ``key`` is the name of the setting ("password"), from which the remedies in errors are built;
    ``owner`` says whose it is ('account "work"'). ``keyring`` is ``service/user``.
    """

    owner: str
    key: str
    value: SecretStr | None = None
    file: Path | None = None
    env: str | None = None
    keyring: str | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """The settings that name a place, e.g. ``("password_env",)``."""
        places = {
            self.key: self.value,
            f"{self.key}_file": self.file,
            f"{self.key}_env": self.env,
            f"{self.key}_keyring": self.keyring,
        }
        return tuple(name for name, place in places.items() if place is not None)

    @property
    def choices(self) -> str:
        """The four settings by name, for an error's remedy."""
        return f"{self.key}_env, {self.key}_file, {self.key}_keyring or {self.key}"

    def resolve(self) -> str:
        """The secret itself.

        Raises:
            SecretUnavailable: the named place does not have it.
            ConfigError: no place is named.
        """
        if self.value is not None:
            return self.value.get_secret_value()
        if self.file is not None:
            return self._from_file(self.file)
        if self.env is not None:
            return self._from_environment(self.env, os.environ)
        if self.keyring is not None:
            return self._from_keyring(self.keyring)
        raise ConfigError(f"{self.owner} has no {self.key}: set one of {self.choices}")

    def resolve_all(self) -> tuple[str, ...]:
        """The secret and, while it is being changed, the one before: one a line, the newest first.

        Raises:
            SecretUnavailable: the named place has none.
            ConfigError: no place is named.
        """
        text = self._file_text(self.file) if self._reads_file else self.resolve()
        lines = tuple(line for line in text.splitlines() if line)[:_AT_ONCE]
        if not lines:
            raise SecretUnavailable(f"{self.owner}: the {self.key} is empty; set it")
        return lines

    @property
    def _reads_file(self) -> bool:
        return self.value is None and self.file is not None

    def _from_file(self, path: Path) -> str:
        secret = self._file_text(path).partition("\n")[0].rstrip("\r")
        if not secret:
            raise SecretUnavailable(f"{self.owner}: {self.key}_file {path} has an empty first line")
        return secret

    def _file_text(self, path: Path | None) -> str:
        assert path is not None
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise SecretUnavailable(
                f"{self.owner}: {self.key}_file {path} cannot be read: {reason}; "
                f"create it with the secret in its first line and mode 600"
            ) from error
        if mode & (stat.S_IRGRP | stat.S_IROTH):
            _warn_of(path)
        return text

    def _from_environment(self, name: str, environment: Mapping[str, str]) -> str:
        secret = environment.get(name, "")
        if not secret:
            raise SecretUnavailable(
                f"{self.owner}: {self.key}_env names {name}, which is not set; "
                f"export {name} before the start"
            )
        return secret

    def _from_keyring(self, entry: str) -> str:
        # Imported late: the keyring's back ends take a tenth of a second to load.
        import keyring
        from keyring.errors import KeyringError

        service, _, user = entry.rpartition("/")
        try:
            secret = keyring.get_password(service, user)
        except KeyringError as error:
            raise SecretUnavailable(
                f"{self.owner}: the keyring cannot be used ({type(error).__name__}); "
                f"on a server without one, use {self.key}_env or {self.key}_file"
            ) from error
        if not secret:
            raise SecretUnavailable(
                f"{self.owner}: the keyring has no entry {entry}; "
                f"add it with: keyring set {service} {user}"
            )
        return secret


@functools.cache
def _warn_of(path: Path) -> None:
    # Cached, so that a secret that is read for every delivery is warned about once.
    _log.warning("secret_file_readable_by_others", path=str(path.resolve()), remedy="chmod 600 it")
