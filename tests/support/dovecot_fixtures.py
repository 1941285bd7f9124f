"""Fixtures of the live tests: one Dovecot a session, a user of its own for each test."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dovecot import Dovecot, dovecot_server

__all__ = ["dovecot", "dovecot_user"]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """A running Dovecot, shared by all tests of the session: use users of your own."""
    # Not below pytest's own folder, which every start of pytest closes to the users under which
    # Dovecot runs.
    with (
        tempfile.TemporaryDirectory(prefix="sage-dovecot-", ignore_cleanup_errors=True) as folder,
        dovecot_server(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def dovecot_user() -> str:
    """The name of a user whom no other test has."""
    return f"user{next(_numbers)}"
