"""One process a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from sage_mail.locking import AlreadyRunning, StoreLock, is_held


def test_second_holder_is_turned_away(tmp_path: Path) -> None:
    """While the lock is held nobody else gets it; afterwards anybody does."""
    data = tmp_path / "data"
    assert not is_held(data)
    with StoreLock(data):
        assert is_held(data)
        with pytest.raises(AlreadyRunning, match="stop it first"), StoreLock(data):
            raise AssertionError
    assert not is_held(data)
    with StoreLock(data):
        assert is_held(data)
