"""A new signing secret, with the one before it valid until all receivers know the new one.

The secret's place holds both meanwhile, one a line, the newest first: every delivery is signed with
both (``X-Signature``, which has room for one, with the older), and the running service needs no
restart. Where we cannot write, in the configuration itself and in the environment, a person has to.
"""

from __future__ import annotations

import base64
import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from sage_mail.errors import ConfigError, SecretUnavailable
from sage_mail.secrets import SecretSource

__all__ = ["finish", "new_secret", "rotate"]

# Standard Webhooks 1.0.0 asks for 24 to 64 bytes.
_BYTES: Final = 32


def new_secret() -> str:
    """A secret as the Standard Webhooks specification writes it: ``whsec_`` and base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def rotate(source: SecretSource) -> str:
    """Put a new secret before the present one, which stays valid; the new one.

    Raises:
        ConfigError: a rotation is under way, or the place is not one that we can write to.
        SecretUnavailable: the present secret cannot be had, or the new one not be written.
    """
    present = source.resolve_all()
    if len(present) > 1:
        raise ConfigError(
            f"{source.owner} has two valid secrets already; end that rotation with --finish first"
        )
    new = new_secret()
    _write(source, (new, *present))
    return new


def finish(source: SecretSource) -> bool:
    """Let the newest secret alone be valid; False if it was alone before.

    Raises:
        ConfigError: the place is not one that we can write to.
        SecretUnavailable: the secrets cannot be had or written.
    """
    present = source.resolve_all()
    if len(present) == 1:
        return False
    _write(source, present[:1])
    return True


def _write(source: SecretSource, values: tuple[str, ...]) -> None:
    text = "\n".join(values)
    if source.file is not None:
        _write_file(source, source.file, text)
    elif source.keyring is not None:
        _write_keyring(source, source.keyring, text)
    else:
        raise ConfigError(
            f"{source.owner} has its secret in {source.given[0]}, which is yours to change: set it "
            "to two lines, a new secret and then the present one, and take the second away when "
            "all receivers know the first; secret_file and secret_keyring are changed for you"
        )


def _write_file(source: SecretSource, path: Path, text: str) -> None:
    """Replace the file as a whole: a reader sees the old text or the new one.

    Owner, group and mode stay, or the service could no longer read it; a link stays a link.
    """
    try:
        path = path.resolve(strict=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{text}\n")
                file.flush()
                os.fsync(file.fileno())
            before = path.stat()
            os.chown(name, before.st_uid, before.st_gid)
            Path(name).chmod(before.st_mode & 0o777)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SecretUnavailable(
            f"{source.owner}: {path} cannot be written: {error.strerror}; nothing was changed; "
            "try it as the owner of the file or as root"
        ) from error


def _write_keyring(source: SecretSource, entry: str, text: str) -> None:
    import keyring
    from keyring.errors import KeyringError

    service, _, user = entry.rpartition("/")
    try:
        keyring.set_password(service, user, text)
    except KeyringError as error:
        raise SecretUnavailable(
            f"{source.owner}: the keyring cannot be written ({type(error).__name__}); "
            "nothing was changed"
        ) from error
