"""Files and folders for their owner alone, and whether one can be made."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sage_mail.files import (
    make_private_file,
    make_private_folder,
    require_writable_folder,
    why_unusable,
)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_is_private(tmp_path: Path) -> None:
    """Whatever the umask, nobody else may read it."""
    before = os.umask(0)
    try:
        make_private_folder(tmp_path / "a" / "b")
        make_private_file(tmp_path / "a" / "b" / "c", b"text")
    finally:
        os.umask(before)
    assert (_mode(tmp_path / "a"), _mode(tmp_path / "a" / "b")) == (0o700, 0o700)
    assert _mode(tmp_path / "a" / "b" / "c") == 0o600
    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"text"


def test_what_is_there_stays(tmp_path: Path) -> None:
    """Neither permissions nor content change."""
    path = tmp_path / "c"
    path.write_bytes(b"old")
    path.chmod(0o640)
    make_private_file(path, b"new")
    assert (path.read_bytes(), _mode(path)) == (b"old", 0o640)


def test_a_folder_that_can_be_used(tmp_path: Path) -> None:
    """Nothing is made by asking, and nothing is left in a folder that is tried."""
    folder = tmp_path / "a" / "b"
    assert why_unusable(folder) == ""
    assert not (tmp_path / "a").exists()
    require_writable_folder(folder)
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest of those above it that exists decides."""
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data" / "sage"
    assert why_unusable(folder) == f"{tmp_path / 'file'} is not a folder"
    for path in (folder, tmp_path / "file"):
        with pytest.raises(NotADirectoryError):
            require_writable_folder(path)
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root may write anywhere
    assert why_unusable(tmp_path / "new") == f"{tmp_path} cannot be written to"
