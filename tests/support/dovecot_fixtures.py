"""Fixtures of the live tests: one Dovecot of a kind a session, a user for each test."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dovecot import Dovecot, dovecot_server

__all__ = ["dovecot", "dovecot_childless", "dovecot_prefixed", "dovecot_user"]

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


@pytest.fixture(scope="session")
def dovecot_prefixed() -> Iterator[Dovecot]:
    """A Dovecot that keeps all folders below ``INBOX.``, with dots between the levels."""
    with (
        tempfile.TemporaryDirectory(prefix="sage-dovecot-", ignore_cleanup_errors=True) as folder,
        dovecot_server(Path(folder), separator=".", prefix="INBOX.", layout="") as server,
    ):
        yield server


@pytest.fixture(scope="session")
def dovecot_childless() -> Iterator[Dovecot]:
    """A Dovecot whose INBOX takes no children: it is a file, in mbox format."""
    location = (
        "mail_location = mbox:~/mail:INBOX=~/mail/INBOX\n"
        "mail_privileged_group = mail\nmail_access_groups = mail\n"
    )
    with (
        tempfile.TemporaryDirectory(prefix="sage-dovecot-", ignore_cleanup_errors=True) as folder,
        dovecot_server(Path(folder), extra=location) as server,
    ):
        yield server


@pytest.fixture
def dovecot_user() -> str:
    """The name of a user whom no other test has."""
    return f"user{next(_numbers)}"
