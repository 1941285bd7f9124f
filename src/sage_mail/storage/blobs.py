"""The blob store: bytes under their SHA-256, in files that are whole or not there.

A blob is written before the transaction that names it commits: to a temporary file, flushed to the
disk, renamed, and the folder flushed. A blob that no row names is harmless; it costs space only.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from sage_mail.errors import StorageError

__all__ = ["BlobMissing", "BlobStore"]

_T = TypeVar("_T")

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_FLUSHERS: Final = 8
_FEW: Final = 4
# Far below the files that a process may have open, which are 1024 as a rule.
_OPEN_AT_ONCE: Final = 100


class BlobMissing(StorageError):
    """There is no blob with this hash, or what there is does not have it any more."""


class BlobStore:
    """Bytes by their content under one folder.

    ``root`` is the folder; it is made when the first blob is written. All work is done in threads.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    async def put(self, data: bytes) -> str:
        """Keep the bytes; their SHA-256 in hexadecimal. What is kept already is left alone."""
        return await asyncio.to_thread(self._put, data)

    async def put_all(self, blobs: Sequence[bytes]) -> list[str]:
        """Keep many; their hashes in order. The flushes of the disk are shared between them."""
        return await asyncio.to_thread(self._put_all, blobs) if blobs else []

    async def read(self, sha256: str) -> bytes:
        """The bytes with this hash, verified.

        Raises:
            BlobMissing: they are not there, or damaged.
        """
        return await asyncio.to_thread(_read, self._path(sha256))

    async def exists(self, sha256: str) -> bool:
        """True if a blob with this hash is kept; its bytes are not verified."""
        return await asyncio.to_thread(self._path(sha256).is_file)

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError("a blob is named by its SHA-256 in lower-case hexadecimal")
        return self.root / sha256[:2] / sha256[2:]

    def _put(self, data: bytes) -> str:
        return self._put_all([data])[0]

    def _put_all(self, blobs: Sequence[bytes]) -> list[str]:
        hashes = [hashlib.sha256(data).hexdigest() for data in blobs]
        paths = dict(zip(map(self._path, hashes), blobs, strict=True))
        try:
            missing = {path: data for path, data in paths.items() if not _is_whole(path, len(data))}
            made = _make_folders({path.parent for path in missing})
            waiting = iter(missing.items())
            while portion := dict(islice(waiting, _OPEN_AT_ONCE)):
                _write(portion)
            # Also of what another has just written, who may not have come to this yet.
            _each(_flush_folder, sorted({path.parent for path in paths}))
            if made:
                _flush_folder(self.root)
        except OSError as error:
            raise StorageError(
                f"a blob cannot be written below {self.root}: {error.strerror}"
            ) from error
        return hashes


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _read(path: Path) -> bytes:
    sha256 = f"{path.parent.name}{path.name}"
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise BlobMissing(f"there is no blob {sha256}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BlobMissing(f"the blob {sha256} is damaged")
    return data


def _make_folders(folders: Iterable[Path]) -> bool:
    """Make those that are missing; whether there were any."""
    missing = [folder for folder in folders if not folder.is_dir()]
    for folder in missing:
        folder.mkdir(parents=True, exist_ok=True)
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
