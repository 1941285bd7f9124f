"""Fixtures of the live tests: one Dovecot a session, a user of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support.dovecot import Dovecot, dovecot_server

__all__ = ["dovecot", "dovecot_user"]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def dovecot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dovecot]:
    """A running Dovecot, shared by all tests of the session: use users of your own."""
    with dovecot_server(tmp_path_factory.mktemp("dovecot")) as server:
        yield server


@pytest.fixture
def dovecot_user() -> str:
    """The name of a user whom no other test has."""
    return f"user{next(_numbers)}"
