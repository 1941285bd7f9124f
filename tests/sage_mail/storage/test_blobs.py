"""Blobs are whole or not there, kept once, and verified when they are read."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import multiprocessing.synchronize
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sage_mail.errors import StorageError
from sage_mail.storage import BlobMissing, BlobStore

_LARGE = 300_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[BlobStore]:
    store = BlobStore(tmp_path / "blobs")
    yield store
    await store.close()


def _files(root: Path) -> list[Path]:
    """The files of large blobs."""
    return [path for path in root.rglob("*") if path.is_file() and path.parent != root]


def _count(root: Path) -> int:
    """How many small blobs there are."""
    if not (root / "small.db").exists():
        return 0
    connection = sqlite3.connect(root / "small.db")
    (count,) = connection.execute("SELECT count(*) FROM blob").fetchone()
    connection.close()
    return int(count)


def _is_open(*files: Path) -> bool:
    """Whether this process has one of them open."""
    mine = {path.resolve() for path in Path("/proc/self/fd").iterdir() if path.exists()}
    return bool(mine & set(files))


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 256 * 1024 + 1, 3_000_000])
async def test_bytes_come_back_under_their_hash(store: BlobStore, size: int) -> None:
    """What is put is read back whole, here and by another store on the same folder."""
    data = b"\0\xff" * (size // 2) + b"x" * (size % 2)
    sha256 = await store.put(data)
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert await store.exists(sha256)
    assert await store.read(sha256) == data
    other = BlobStore(store.root)
    assert await other.read(sha256) == data
    await other.close()


async def test_only_large_ones_are_files(store: BlobStore) -> None:
    """Small ones lie together, where nobody else can read them."""
    await store.put_all([b"x" * 256 * 1024, b"x" * _LARGE])
    assert [file.stat().st_size for file in _files(store.root)] == [_LARGE]
    assert _count(store.root) == 1
    assert {path.stat().st_mode & 0o777 for path in store.root.glob("small.db*")} == {0o600}


async def test_a_reader_that_gives_up_leaves_no_file_open(store: BlobStore) -> None:
    """A read that is cancelled at any moment leaves nothing open behind it."""
    sha256 = await store.put(b"x" * _LARGE)
    for turns in range(20):
        reading = asyncio.create_task(store.read(sha256))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
    async with asyncio.timeout(10):
        while _is_open(*_files(store.root)):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("size", [4, _LARGE])
async def test_the_same_bytes_are_kept_once(store: BlobStore, size: int) -> None:
    """Many tasks that put the same bytes at once leave one blob and nothing temporary."""
    hashes = await asyncio.gather(*(store.put(b"s" * size) for _ in range(10)))
    assert len(set(hashes)) == 1
    assert len(_files(store.root)) + _count(store.root) == 1


@pytest.mark.parametrize("size", [0, _LARGE])
async def test_many_at_once(store: BlobStore, size: int) -> None:
    """More than may be open at a time: all are kept, equal ones once, known ones left alone."""
    padding = b"x" * size
    await store.put(padding + b"number 3")
    before = {path: path.stat().st_mtime_ns for path in _files(store.root)}
    blobs = [padding + b"number %d" % (number % 150) for number in range(200)]
    hashes = await store.put_all(blobs)
    assert hashes == [hashlib.sha256(data).hexdigest() for data in blobs]
    assert len(_files(store.root)) + _count(store.root) == 150
    assert [await store.read(each) for each in hashes[:5]] == blobs[:5]
    assert all(path.stat().st_mtime_ns == moment for path, moment in before.items())
    assert await store.put_all([]) == []


def _put_from_another_process(root: Path, barrier: multiprocessing.synchronize.Barrier) -> None:
    async def put() -> None:
        store = BlobStore(root)
        barrier.wait()
        for number in range(20):
            await store.put(b"%d" % number)
        await store.close()

    asyncio.run(put())


async def test_several_processes_share_a_folder(store: BlobStore) -> None:
    """Also where all of them find it empty."""
    spawning = multiprocessing.get_context("spawn")
    barrier = spawning.Barrier(4)
    others = [
        spawning.Process(target=_put_from_another_process, args=(store.root, barrier))
        for _ in range(4)
    ]
    for other in others:
        other.start()
    for other in others:
        await asyncio.to_thread(other.join, 30)
    assert [other.exitcode for other in others] == [0] * 4
    assert await store.read(hashlib.sha256(b"19").hexdigest()) == b"19"
    assert _count(store.root) == 20


async def test_what_a_crash_left_half_written_is_replaced(store: BlobStore) -> None:
    """A file under a blob's name that is shorter than the blob is written anew."""
    data = b"x" * _LARGE
    sha256 = await store.put(data)
    (file,) = _files(store.root)
    file.write_bytes(b"xxx")
    assert await store.put(data) == sha256
    assert await store.read(sha256) == data


async def test_missing_and_damaged_files_are_reported(store: BlobStore) -> None:
    """A blob that is not there or has changed is never handed out as if it were right."""
    sha256 = await store.put(b"x" * _LARGE)
    (file,) = _files(store.root)
    file.write_bytes(b"y" * _LARGE)
    with pytest.raises(BlobMissing, match="damaged"):
        await store.read(sha256)
    file.unlink()
    assert not await store.exists(sha256)
    with pytest.raises(BlobMissing, match="no blob"):
        await store.read(sha256)


async def test_damaged_small_ones_are_reported(store: BlobStore) -> None:
    """Neither is one from the database."""
    sha256 = await store.put(b"right")
    with sqlite3.connect(store.root / "small.db") as connection:
        connection.execute("UPDATE blob SET octets = ?", (b"wrong",))
    connection.close()
    with pytest.raises(BlobMissing, match="damaged"):
        await store.read(sha256)


def _damage(root: Path, blob: bytes) -> None:
    """Overwrite the page of the table in which the blob lies."""
    file = root / "small.db"
    octets = bytearray(file.read_bytes())
    page = octets.index(blob) // 16384 * 16384
    octets[page : page + 8] = b"\xff" * 8
    file.write_bytes(octets)


@pytest.mark.parametrize("part", ["all", "a page"])
async def test_a_damaged_database_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, part: str
) -> None:
    """What is damaged is missing, what comes is kept as files, and somebody is told once."""
    store = BlobStore(tmp_path)
    kept = await store.put_all([b"%03d" % number * 1000 for number in range(50)])
    await store.close()
    if part == "all":
        (tmp_path / "small.db").write_bytes(b"no database at all" * 1000)
    else:
        _damage(tmp_path, b"007" * 1000)
    store = BlobStore(tmp_path)
    with pytest.raises(BlobMissing):
        await store.read(kept[7])
    assert await store.put_all([b"007" * 1000, b"new"]) == [kept[7], await store.put(b"new")]
    assert await store.read(kept[7]) == b"007" * 1000
    assert await store.exists(kept[7])
    assert len(_files(tmp_path)) == 2
    if part == "a page":
        assert await store.read(kept[0]) == b"000" * 1000
    assert caplog.text.count("blob_database_damaged") == 1
    await store.close()


async def test_one_that_is_closed_is_told(store: BlobStore) -> None:
    """Nothing is opened anew behind the back of whoever closed it."""
    await store.put(b"x")
    await store.close()
    with pytest.raises(StorageError, match="closed"):
        await store.put(b"y")


async def test_blobs_that_are_all_files_are_read(tmp_path: Path) -> None:
    """As they are where an older version wrote them; there is no database then."""
    sha256 = hashlib.sha256(b"old").hexdigest()
    (tmp_path / sha256[:2]).mkdir()
    (tmp_path / sha256[:2] / sha256[2:]).write_bytes(b"old")
    store = BlobStore(tmp_path)
    assert await store.exists(sha256)
    assert await store.read(sha256) == b"old"
    assert not (tmp_path / "small.db").exists()
    await store.close()


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63])
async def test_only_a_hash_names_a_blob(store: BlobStore, name: str) -> None:
    """A name that is no hash never becomes a path."""
    with pytest.raises(ValueError, match="SHA-256"):
        await store.read(name)


@pytest.mark.parametrize("size", [1, _LARGE])
async def test_a_disk_that_refuses_is_a_storage_error(tmp_path: Path, size: int) -> None:
    """Where no folder can be made, putting raises and leaves nothing behind."""
    (tmp_path / "file").write_bytes(b"")
    store = BlobStore(tmp_path / "file")
    with pytest.raises(StorageError, match="cannot be written"):
        await store.put(b"x" * size)
    await store.close()
