"""One process a store: a lock on a file in the data directory, which ends with its holder.

Two processes that watch the same accounts into the same store would file and announce everything
twice. The lock is the kernel's, so that a killed process leaves nothing behind that would have to
be cleaned up.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from sage_mail.errors import ConfigError, SageMailError
from sage_mail.files import make_private_folder

__all__ = ["AlreadyRunning", "StoreLock", "is_held"]

_NAME = "sage-mail.lock"


class AlreadyRunning(SageMailError):
    """Another process runs on the same data directory; nothing was started."""


class StoreLock:
    """The lock on a data directory, held within a ``with`` block.

    The directory is made if need be. Entering raises `AlreadyRunning` if another process holds the
    lock, and `ConfigError` if the directory cannot be used.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _NAME
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        descriptor = _opened(self._path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise AlreadyRunning(
                f"another sage-mail{f' (process {holder})' if holder else ''} runs on "
                f"{self._path.parent}; stop it first, or set another data_dir"
            ) from error
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _opened(path: Path) -> int:
    try:
        make_private_folder(path.parent)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"data_dir: {path.parent} cannot be used: {error.strerror}; nothing was started; set "
            "another data_dir, or let the user of sage-mail write there"
        ) from error


def is_held(data_dir: Path) -> bool:
    """True if a process runs on the data directory."""
    try:
        descriptor = os.open(data_dir / _NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
