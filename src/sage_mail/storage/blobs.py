"""The blob store: bytes under their SHA-256, in files that are whole or not there.

A blob is written before the transaction that names it commits: to a temporary file, flushed to the
disk, renamed, and the folder flushed. A blob that no row names is harmless; it costs space only.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

from sage_mail.errors import StorageError

__all__ = ["BlobMissing", "BlobStore"]

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES: Final = 1024 * 1024


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

    async def read(self, sha256: str) -> bytes:
        """The bytes with this hash, verified.

        Raises:
            BlobMissing: they are not there, or damaged.
        """
        return b"".join([chunk async for chunk in self.chunks(sha256)])

    async def chunks(self, sha256: str, *, size: int = _CHUNK_BYTES) -> AsyncIterator[bytes]:
        """The bytes with this hash in portions of at most *size* bytes.

        They are verified as they pass, so damage is reported at the end and not before.

        Raises:
            BlobMissing: they are not there, or damaged.
        """
        digest = hashlib.sha256()
        file = await asyncio.to_thread(_open, self._path(sha256))
        try:
            while chunk := await asyncio.to_thread(file.read, size):
                digest.update(chunk)
                yield chunk
        finally:
            file.close()
        if digest.hexdigest() != sha256:
            raise BlobMissing(f"the blob {sha256} is damaged")

    async def exists(self, sha256: str) -> bool:
        """True if a blob with this hash is kept; its bytes are not verified."""
        return await asyncio.to_thread(self._path(sha256).is_file)

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError("a blob is named by its SHA-256 in lower-case hexadecimal")
        return self.root / sha256[:2] / sha256[2:]

    def _put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        try:
            if not _is_whole(path, len(data)):
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, data)
                _flush_folder(path.parent.parent)
            # Also where another has just written it, who may not have come to this yet.
            _flush_folder(path.parent)
        except OSError as error:
            raise StorageError(
                f"a blob cannot be written below {self.root}: {error.strerror}"
            ) from error
        return sha256


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise BlobMissing(f"there is no blob {path.parent.name}{path.name}") from error


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
