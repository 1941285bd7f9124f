"""One process a store."""

from __future__ import annotations

import errno
import fcntl
import stat
from pathlib import Path

import pytest

from sage_mail.errors import ConfigError
from sage_mail.locking import AlreadyRunning, Holder, StoreLock


def test_second_holder_is_turned_away(tmp_path: Path) -> None:
    """While the lock is held nobody else gets it; afterwards anybody does."""
    data = tmp_path / "data"
    assert StoreLock(data).holder() is None
    with StoreLock(data):
        assert StoreLock(data).holder()
        with pytest.raises(AlreadyRunning, match="stop it first"), StoreLock(data):
            raise AssertionError
    assert StoreLock(data).holder() is None
    with StoreLock(data):
        assert StoreLock(data).holder()


def test_who_asks_for_the_holder_turns_nobody_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For that moment it is waited."""
    lock = StoreLock(tmp_path)
    with lock:
        pass
    with (tmp_path / "sage-mail.lock").open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        monkeypatch.setattr("time.sleep", lambda _seconds: fcntl.flock(asking, fcntl.LOCK_UN))
        with lock:
            assert StoreLock(tmp_path).holder()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is called that, and nobody is said to run."""

    def refuse(_descriptor: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    said = "without locks: No locks available; nothing was started; set another data_dir"
    with pytest.raises(ConfigError, match=said), StoreLock(tmp_path):
        raise AssertionError
    assert StoreLock(tmp_path).holder() is None


@pytest.mark.parametrize(
    ("holder", "told"),
    [
        (Holder("12", "mail1"), "another sage-mail (process 12 on mail1)"),
        (Holder("12"), "another sage-mail (process 12)"),
        (Holder(host="192.0.2.1"), "another sage-mail (on 192.0.2.1)"),
        (Holder(), "another sage-mail"),
    ],
)
def test_what_is_known_of_a_holder(holder: Holder, told: str) -> None:
    """It is told as far as it is known."""
    assert holder.introduced == told


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """One sentence says which, why and what to do."""
    (tmp_path / "file").touch()
    data = tmp_path / "file" / "data"
    said = f"data_dir: {data} cannot be used: Not a directory; .* set another data_dir"
    with pytest.raises(ConfigError, match=said), StoreLock(data):
        raise AssertionError


def test_nobody_else_reads_a_directory_that_is_made(tmp_path: Path) -> None:
    """The directory is its owner's alone; one that is there stays as it is."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old").chmod(0o755)
    for name, mode in (("new", 0o700), ("old", 0o755)):
        with StoreLock(tmp_path / name):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
