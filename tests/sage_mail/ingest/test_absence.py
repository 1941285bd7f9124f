"""When a folder counts as gone."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import pytest

from sage_imap.aio import IMAPClient
from sage_mail.ingest import absence
from sage_mail.ingest.absence import Absence
from sage_mail.ingest.preparing import Preparer
from sage_mail.pipeline import Pipeline
from sage_mail.storage import Storage
from tests.sage_mail.ingest.reports import known, scope_of, uids
from tests.sage_mail.storage.samples import Place, message, place, stored
from tests.support.script_server import ScriptServer

_LISTED = '<< A{0} LIST "" "INBOX"\n>> * LIST () "/" INBOX\\r\\nA{0} OK done\n'
_NOTHING = '<< A{0} LIST "" "INBOX"\n>> A{0} OK done\n'
_SPACE = '<< A{0} LIST "" ""\n>> * LIST () "/" ""\\r\\nA{0} OK done\n'


async def _look(storage: Storage, script: str, *, there: Collection[int] = ()) -> Place:
    """Look for a folder by each LIST of the script, which names it only at the looks of *there*."""
    await known(storage)
    work = await place(storage, mailbox="Work")
    await stored(storage, message(work, 1))
    looks = script.count('"INBOX"\n')
    script = f">> * PREAUTH [CAPABILITY IMAP4rev1] hello\n{script}.. silence"
    with ThreadPoolExecutor(1) as threads, ScriptServer(script) as server:
        scope = scope_of(storage, work, Preparer(Pipeline([]), threads))
        config = {"host": "127.0.0.1", "port": server.port, "security": "plain", "timeout": 5.0}
        found = Absence(scope, "Work")
        async with IMAPClient(config) as client:
            for look in range(looks):
                if look in there:
                    found.over()
                await found.noticed(client)
        _, missing = await uids(storage, work)
        assert scope.something_vanished.is_set() is bool(missing)
    return work


async def test_two_looks_some_seconds_apart(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The messages of a folder that is not listed twice are missing, and nobody else's."""
    monkeypatch.setattr(absence, "_SECONDS_BETWEEN_LOOKS", 0.0)
    work = await _look(storage, _LISTED.format(1) + _LISTED.format(2) + _SPACE.format(3))
    assert await uids(storage, work) == ([], [1])
    assert await uids(storage, await place(storage)) == ([1], [])


async def test_two_looks_at_once(storage: Storage) -> None:
    """Looks that follow each other at once prove no more than one does."""
    work = await _look(storage, _LISTED.format(1) + _LISTED.format(2))
    assert await uids(storage, work) == ([1], [])


async def test_a_list_of_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that lists no INBOX either says nothing of a folder, and neither did it before."""
    monkeypatch.setattr(absence, "_SECONDS_BETWEEN_LOOKS", 0.0)
    work = await _look(storage, _LISTED.format(1) + _NOTHING.format(2) + _LISTED.format(3))
    assert await uids(storage, work) == ([1], [])


async def test_a_folder_that_was_there_between(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two looks count where the folder was not there in either, nor between them."""
    monkeypatch.setattr(absence, "_SECONDS_BETWEEN_LOOKS", 0.0)
    work = await _look(storage, _LISTED.format(1) + _LISTED.format(2), there={1})
    assert await uids(storage, work) == ([1], [])
