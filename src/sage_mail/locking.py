"""One process a store: locks on files, which end with their holder.

Two processes that watch the same accounts into the same store would file and announce everything
twice. The locks are the kernel's, so that a killed process leaves nothing behind that would have to
be cleaned up. They reach as far as this host; a database that several hosts share has a lock of its
own, see `sage_mail.storage.tenure`.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sage_mail.errors import ConfigError, SageMailError
from sage_mail.files import make_private_folder

__all__ = ["AlreadyRunning", "FileLock", "Holder", "StoreLock"]

_NAME = "sage-mail.lock"
_TRIES = 5
_PAUSE_SECONDS = 0.05


class AlreadyRunning(SageMailError):
    """Another process runs on the same data directory or database; the text says what is left."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, as far as that can be told: the process, and its host or address."""

    process: str = ""
    host: str = ""

    def __str__(self) -> str:
        """``process 12 on mail1``; empty where nothing is known."""
        process = f"process {self.process}" if self.process else ""
        return f"{process}{' ' if process else ''}on {self.host}" if self.host else process

    @property
    def introduced(self) -> str:
        """``another sage-mail (process 12 on mail1)``."""
        return f"another sage-mail{f' ({self})' if str(self) else ''}"


class FileLock:
    """The lock on a file, held within a ``with`` block.

    The file is made if need be, with its folder. Entering raises `AlreadyRunning` if another
    process holds the lock, and `ConfigError` if the file cannot be used. *subject* is what is
    locked, as that is told, *setting* is the one by which another is chosen.
    """

    def __init__(self, path: Path, *, subject: str, setting: str) -> None:
        self._path = path
        self._subject = subject
        self._setting = setting
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        descriptor = self._opened()
        try:
            _lock(descriptor)
        except BlockingIOError as error:
            holder = _written(descriptor)
            os.close(descriptor)
            raise AlreadyRunning(
                f"{holder.introduced} runs on {self._subject}; nothing was started; "
                f"stop it first, or set another {self._setting}"
            ) from error
        except OSError as error:
            os.close(descriptor)
            raise ConfigError(
                f"{self._setting}: {self._path.parent} is on a file system without locks: "
                f"{error.strerror}; nothing was started; set another {self._setting}"
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

    def holder(self) -> Holder | None:
        """Who holds the lock now; None where nobody does."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _written(descriptor)
        except OSError:  # a file system without locks
            return None
        finally:
            os.close(descriptor)
        return None

    def _opened(self) -> int:
        try:
            make_private_folder(self._path.parent)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(
                f"{self._setting}: {self._path.parent} cannot be used: {error.strerror}; nothing "
                f"was started; set another {self._setting}, or let the user of sage-mail write "
                "there"
            ) from error


class StoreLock(FileLock):
    """The lock on a data directory."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir / _NAME, subject=str(data_dir), setting="data_dir")


def _lock(descriptor: int) -> None:
    """Take the lock, `BlockingIOError` if another has it for more than a moment.

    For a moment has it whoever asks for its holder.
    """
    for _try in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_PAUSE_SECONDS)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _written(descriptor: int) -> Holder:
    return Holder(process=os.pread(descriptor, 20, 0).decode("ascii", "replace").strip())
