"""Files and folders that hold mail: made for their owner alone, whatever the umask lets others do.

What exists already keeps the permissions that somebody has given it.
"""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["make_private_file", "make_private_folder", "require_writable_folder", "why_unusable"]


def make_private_folder(path: Path) -> None:
    """Have the folder exist, with those above it; raises `OSError`."""
    missing = [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def make_private_file(path: Path, content: bytes = b"") -> None:
    """Have the file exist; one that is there keeps what it has. Raises `OSError`."""
    with suppress(FileExistsError):
        # Only one that is new is opened: closing a database's file drops the locks on it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)


def require_writable_folder(path: Path) -> None:
    """Have the folder exist and a file made in it and removed again; raises `OSError`."""
    make_private_folder(path)
    with tempfile.TemporaryFile(dir=path):
        pass


def why_unusable(folder: Path) -> str:
    """Why no file can be made in the folder, which may be yet to be made; empty where one can.

    Nothing is changed.
    """
    path = folder.absolute()
    while not os.path.lexists(path):
        path = path.parent
    if not path.is_dir():
        return f"{path} is not a folder"
    return "" if os.access(path, os.W_OK | os.X_OK) else f"{path} cannot be written to"
