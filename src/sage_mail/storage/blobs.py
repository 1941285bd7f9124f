"""The blob store: bytes under their SHA-256, whole or not there.

A blob is on the disk before the transaction that names it commits. A blob that no row names is
harmless; it costs space only.

Most blobs are small, and a file for each costs far more than its octets: making it, flushing it,
naming it, flushing its folder. So small ones lie together in a database (`blob_database`), which
flushes a batch at once, and each large one is a file (`blob_files`), which is written only once.
Where that database is damaged small ones are files as well, lest it stop the service.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sage_mail.errors import StorageError
from sage_mail.storage.blob_database import BlobDatabase, BlobDatabaseDamaged
from sage_mail.storage.blob_files import BlobFiles
from sage_mail.telemetry import get_logger

__all__ = ["BlobMissing", "BlobStore"]

_log = get_logger(__name__)

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
# Up to here two writes, to the journal and to the database, cost half of what a file costs.
_MOST_OCTETS_OF_A_SMALL_ONE: Final = 256 * 1024


class BlobMissing(StorageError):
    """There is no blob with this hash, or what there is does not have it any more."""


class BlobStore:
    """Bytes by their content under one folder; ended by `close`.

    ``root`` is the folder; it is made when the first blob is written. All work is done in threads.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._small = BlobDatabase(root / "small.db")
        self._large = BlobFiles(root)
        self._is_damaged = False

    async def put(self, data: bytes) -> str:
        """Keep the bytes; their SHA-256 in hexadecimal. What is kept already is left alone.

        Raises:
            StorageError: they cannot be written.
        """
        return (await self.put_all([data]))[0]

    async def put_all(self, blobs: Sequence[bytes]) -> list[str]:
        """Keep many; their hashes in order. The flushes of the disk are shared between them.

        Raises:
            StorageError: one cannot be written; which of them are kept then is not said.
        """
        return await asyncio.to_thread(self._put_all, blobs) if blobs else []

    async def read(self, sha256: str) -> bytes:
        """The bytes with this hash, verified.

        Raises:
            BlobMissing: they are not there, or damaged.
            StorageError: they cannot be read now.
        """
        return await asyncio.to_thread(self._read, _checked(sha256))

    async def exists(self, sha256: str) -> bool:
        """True if a blob with this hash is kept; its bytes are not verified."""
        return await asyncio.to_thread(self._exists, _checked(sha256))

    async def close(self) -> None:
        """Close what is open; what is under way ends first."""
        await asyncio.to_thread(self._small.close)

    def _put_all(self, blobs: Sequence[bytes]) -> list[str]:
        hashes = [hashlib.sha256(data).hexdigest() for data in blobs]
        small: dict[str, bytes] = {}
        large: dict[str, bytes] = {}
        for sha256, data in zip(hashes, blobs, strict=True):
            kind = small if len(data) <= _MOST_OCTETS_OF_A_SMALL_ONE else large
            kind[sha256] = data
        if large:
            self._large.put(large)
        if small:
            self._put_small(small)
        return hashes

    def _put_small(self, blobs: dict[str, bytes]) -> None:
        if not self._is_damaged:
            try:
                self._small.put(blobs)
            except BlobDatabaseDamaged as error:
                self._note_damage(error)
            else:
                return
        self._large.put(blobs)

    def _read(self, sha256: str) -> bytes:
        data = self._read_small(sha256)
        if data is None:
            data = self._large.read(sha256)
        if data is None:
            raise BlobMissing(f"there is no blob {sha256}")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BlobMissing(f"the blob {sha256} is damaged")
        return data

    def _read_small(self, sha256: str) -> bytes | None:
        try:
            return self._small.read(sha256)
        except BlobDatabaseDamaged as error:
            self._note_damage(error)
            return None

    def _note_damage(self, error: BlobDatabaseDamaged) -> None:
        if not self._is_damaged:
            remedy = "stop the service, and mend it with sqlite3's .recover or from a backup"
            _log.error("blob_database_damaged", error=str(error), remedy=remedy)
        self._is_damaged = True

    def _exists(self, sha256: str) -> bool:
        return self._large.has(sha256) or self._has_small(sha256)

    def _has_small(self, sha256: str) -> bool:
        try:
            return self._small.has(sha256)
        except BlobDatabaseDamaged as error:
            self._note_damage(error)
            return False


def _checked(sha256: str) -> str:
    """The name, which never becomes a path without being one of ours."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError("a blob is named by its SHA-256 in lower-case hexadecimal")
    return sha256
