"""Blobs are whole or not there, kept once, and verified when they are read."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from sage_mail.errors import StorageError
from sage_mail.storage import BlobMissing, BlobStore


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
async def test_bytes_come_back_under_their_hash(tmp_path: Path, size: int) -> None:
    """What is put is read back whole."""
    store, data = BlobStore(tmp_path / "blobs"), b"\0\xff" * (size // 2) + b"x" * (size % 2)
    sha256 = await store.put(data)
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert await store.exists(sha256)
    assert await store.read(sha256) == data


async def test_a_reader_that_gives_up_leaves_no_file_open(tmp_path: Path) -> None:
    """A read that is cancelled at any moment leaves nothing open behind it."""
    store = BlobStore(tmp_path)
    sha256 = await store.put(b"x" * 100_000)
    for turns in range(20):
        reading = asyncio.create_task(store.read(sha256))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
    await asyncio.get_running_loop().shutdown_default_executor()
    open_files = {path.resolve() for path in Path("/proc/self/fd").iterdir() if path.exists()}
    assert store._path(sha256) not in open_files


async def test_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    """Many tasks that put the same bytes at once leave one file and nothing temporary."""
    store = BlobStore(tmp_path)
    hashes = await asyncio.gather(*(store.put(b"same") for _ in range(10)))
    assert len(set(hashes)) == 1
    assert len(_files(tmp_path)) == 1


async def test_many_at_once(tmp_path: Path) -> None:
    """More than may be open at a time: all are kept, equal ones once, known ones left alone."""
    store = BlobStore(tmp_path)
    known = await store.put(b"number 3")
    before = next(path for path in _files(tmp_path)).stat().st_mtime_ns
    blobs = [b"number %d" % (number % 250) for number in range(300)]
    hashes = await store.put_all(blobs)
    assert hashes == [hashlib.sha256(data).hexdigest() for data in blobs]
    assert len(_files(tmp_path)) == 250
    assert [await store.read(each) for each in hashes[:5]] == blobs[:5]
    assert store._path(known).stat().st_mtime_ns == before
    assert await store.put_all([]) == []


async def test_what_a_crash_left_half_written_is_replaced(tmp_path: Path) -> None:
    """A file under a blob's name that is shorter than the blob is written anew."""
    store = BlobStore(tmp_path)
    sha256 = await store.put(b"whole")
    (file,) = _files(tmp_path)
    file.write_bytes(b"who")
    assert await store.put(b"whole") == sha256
    assert await store.read(sha256) == b"whole"


async def test_missing_and_damaged_blobs_are_reported(tmp_path: Path) -> None:
    """A blob that is not there or has changed is never handed out as if it were right."""
    store = BlobStore(tmp_path)
    sha256 = await store.put(b"right")
    (file,) = _files(tmp_path)
    file.write_bytes(b"wrong")
    with pytest.raises(BlobMissing, match="damaged"):
        await store.read(sha256)
    file.unlink()
    assert not await store.exists(sha256)
    with pytest.raises(BlobMissing, match="no blob"):
        await store.read(sha256)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63])
async def test_only_a_hash_names_a_blob(tmp_path: Path, name: str) -> None:
    """A name that is no hash never becomes a path."""
    with pytest.raises(ValueError, match="SHA-256"):
        await BlobStore(tmp_path).read(name)


async def test_a_disk_that_refuses_is_a_storage_error(tmp_path: Path) -> None:
    """Where no folder can be made, putting raises and leaves nothing behind."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be written"):
        await BlobStore(tmp_path / "file").put(b"x")
