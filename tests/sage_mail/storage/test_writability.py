"""Whether the database takes what is written, with the clock given."""

from __future__ import annotations

from contextlib import suppress

import pytest

from sage_mail.errors import StorageError, StorageUnavailable
from sage_mail.storage import RecordRejected
from sage_mail.storage.writability import Writability


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _end(writability: Writability, error: Exception | None = None) -> None:
    with suppress(StorageError, KeyError), writability.attempt():
        if error is not None:
            raise error


def test_one_that_does_not_end() -> None:
    """It shows after some seconds, until it or another has come through."""
    clock = _Clock()
    writability = Writability(clock)
    clock.now += 60  # nobody wanted to write
    assert not writability.is_stuck
    with writability.attempt():
        clock.now += 4
        assert not writability.is_stuck
        clock.now += 2
        assert writability.is_stuck
        _end(writability)
        assert not writability.is_stuck
        clock.now += 6
        assert writability.is_stuck
    assert not writability.is_stuck


@pytest.mark.parametrize("error", [StorageUnavailable("full"), StorageError("read-only")])
def test_one_that_fails(error: StorageError) -> None:
    """It shows at once, until one has succeeded or nobody has tried for a minute."""
    clock = _Clock()
    writability = Writability(clock)
    _end(writability, error)
    assert writability.is_stuck
    _end(writability)
    assert not writability.is_stuck
    _end(writability, error)
    clock.now += 59
    assert writability.is_stuck
    clock.now += 2
    assert not writability.is_stuck


@pytest.mark.parametrize("error", [RecordRejected("too large"), KeyError("a defect")])
def test_what_is_no_fault_of_the_database(error: Exception) -> None:
    """A record that is refused, and an error of the caller's, say nothing against it."""
    writability = Writability()
    _end(writability, error)
    assert not writability.is_stuck
