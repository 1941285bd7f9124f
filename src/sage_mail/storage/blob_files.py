"""Large blobs, each a file that is whole or not there.

A file is written under a temporary name, flushed to the disk, renamed, and its folder flushed.
"""

from __future__ import annotations

import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from sage_mail.errors import StorageError
from sage_mail.files import make_private_folder

__all__ = ["BlobFiles"]

_T = TypeVar("_T")

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_FLUSHERS: Final = 8
_FEW: Final = 4
# Far below the files that a process may have open, which are 1024 as a rule.
_OPEN_AT_ONCE: Final = 100


class BlobFiles:
    """Files below a folder, which is made with the first; named by the text of their hashes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, blobs: Mapping[str, bytes]) -> None:
        """Keep them; what is kept already is left alone. `StorageError` where it fails."""
        paths = {self._path(sha256): data for sha256, data in blobs.items()}
        try:
            missing = {path: data for path, data in paths.items() if not _is_whole(path, len(data))}
            made = _make_folders({path.parent for path in missing})
            waiting = iter(missing.items())
            while portion := dict(islice(waiting, _OPEN_AT_ONCE)):
                _write(portion)
            # Also of what another has just written, who may not have come to this yet.
            _each(_flush_folder, sorted({path.parent for path in paths}))
            if made:
                _flush_folder(self._root)
        except OSError as error:
            raise StorageError(
                f"a blob cannot be written below {self._root}: {error.strerror}"
            ) from error

    def read(self, sha256: str) -> bytes | None:
        """The file as it is; None where there is none."""
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(
                f"a blob cannot be read below {self._root}: {error.strerror}"
            ) from error

    def has(self, sha256: str) -> bool:
        """Whether there is such a file."""
        return self._path(sha256).is_file()

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256[2:]


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _make_folders(folders: Iterable[Path]) -> bool:
    """Make those that are missing; whether there were any."""
    missing = [folder for folder in folders if not folder.is_dir()]
    for folder in missing:
        make_private_folder(folder)
    return bool(missing)


def _write(blobs: Mapping[Path, bytes]) -> None:
    """Write all, then flush all, then give all their names.

    All writes come first so that the flush of one takes the others along, and flushes are asked for
    at once, because a journalling file system then makes them one.
    """
    ours = f".new-{uuid.uuid4().hex}"
    handles: list[int] = []
    unnamed: deque[tuple[str, Path]] = deque()
    try:
        for path, data in blobs.items():
            temporary = f"{path.parent}/{ours}-{len(handles)}"
            handles.append(os.open(temporary, _CREATE, 0o600))
            unnamed.append((temporary, path))
            _write_whole(handles[-1], data)
        _each(os.fsync, handles)
        while unnamed:
            os.replace(*unnamed[0])  # noqa: PTH105 - a Path for each name costs more than this
            unnamed.popleft()
    finally:
        for handle in handles:
            os.close(handle)
        for temporary, _ in unnamed:
            os.unlink(temporary)  # noqa: PTH108 - as above


def _write_whole(handle: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def _each(flush: Callable[[_T], None], items: Sequence[_T]) -> None:
    """Flush each, many at once."""
    if len(items) < _FEW:
        for item in items:
            flush(item)
        return
    with ThreadPoolExecutor(_FLUSHERS) as threads:
        list(threads.map(flush, items))


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
