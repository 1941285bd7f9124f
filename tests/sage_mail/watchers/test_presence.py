"""What is told of a watched folder that is not there."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from sage_imap.errors import CommandRejected, MailboxNotFound, PermissionDenied
from sage_mail.ingest.preparing import Preparer
from sage_mail.pipeline import Pipeline
from sage_mail.storage import Storage
from sage_mail.watchers.presence import Presence
from tests.sage_mail.ingest.reports import known, scope_of


async def test_each_change_is_told_once(storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    """Missing, refused and back are told when they come, however often they are found."""
    caplog.set_level("INFO", "sage_mail")
    where = await known(storage)
    with ThreadPoolExecutor(1) as threads:
        scope = scope_of(storage, where, Preparer(Pipeline([]), threads))
        presence = Presence(scope, "Archive")
        for _ in range(2):
            presence.there()
        for _ in range(2):
            presence.missing()
        for _ in range(2):
            presence.refused(CommandRejected("NO", "denied"))
        assert scope.closed == {"Archive": "it cannot be opened"}
        for _ in range(2):
            presence.there()
        assert scope.closed == {}
    told = [record.getMessage() for record in caplog.records]
    actions = ("folder_missing", "folder_refused", "folder_back")
    assert [next(a for a in actions if a in line) for line in told] == list(actions)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]


async def test_what_is_refused_for_a_moment_is_waited_for(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare NO closes a folder after a minute, and what says why does so at once."""
    where = await known(storage)
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as threads:
        presence = Presence(scope_of(storage, where, Preparer(Pipeline([]), threads)), "Archive")
        began, later = loop.time(), 0.0
        with monkeypatch.context() as patch:
            patch.setattr(loop, "time", lambda: began + later)
            assert not presence.refused(CommandRejected("NO"))
            later = 59.0
            assert not presence.refused(CommandRejected("NO"))
            presence.there()
            assert not presence.refused(CommandRejected("NO"))
            later = 119.0
            assert presence.refused(CommandRejected("NO"))
            presence.there()
            assert presence.refused(PermissionDenied("NO", "NOPERM"))
            assert presence.refused(MailboxNotFound("NO"))
    assert presence._scope.closed == {"Archive": "it does not exist"}
