"""What an intake that looks into another mailbox leaves in doubt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sage_imap.aio import IMAPClient
from sage_imap.errors import Throttled
from sage_imap.protocol.events import ExistsReceived
from sage_mail.ingest import intake
from sage_mail.ingest.fingerprint import fingerprint
from sage_mail.ingest.preparing import Preparer
from sage_mail.pipeline import Pipeline
from sage_mail.storage import Storage
from tests.sage_mail.ingest.reports import known, report, scope_of, taking, uids
from tests.sage_mail.storage.samples import message, place, stored
from tests.support.script_server import ScriptServer

_SELECTED = r"* {exists} EXISTS\r\n* OK [UIDVALIDITY {validity}] valid\r\n* OK [UIDNEXT {uid}] next"


@pytest.mark.parametrize("arrived", [False, True])
async def test_a_departure_during_a_look_elsewhere(storage: Storage, arrived: bool) -> None:
    """The SELECT back tells of no difference, so that all is compared; what came, too."""
    where = await known(storage)
    elsewhere = await place(storage, mailbox="Work")
    mark = fingerprint(b"2: b", 4)
    moved = await stored(
        storage, message(elsewhere, 1, uidvalidity=9, fingerprint=mark, content_hash="")
    )
    work = _SELECTED.format(exists=0, validity=9, uid=2)
    # Message 1 has left INBOX while Work was selected, and maybe message 3 has come.
    inbox = _SELECTED.format(exists=1 + arrived, validity=7, uid=3 + arrived)
    found = "2 3" if arrived else "2"
    script = taking(7, 2, 2)
    script += f'<< A10 EXAMINE "Work"\n>> {work}\\r\\nA10 OK [READ-ONLY] done\n'
    script += "<< A11 UID SEARCH UID 1 UNDELETED\n>> * SEARCH\\r\\nA11 OK done\n"
    script += f'<< A12 SELECT "INBOX"\n>> {inbox}\\r\\nA12 OK [READ-WRITE] done\n'
    script += "<< A13 NOOP\n>> A13 OK done\n"
    script += f"<< A14 UID SEARCH ALL\n>> * SEARCH {found}\\r\\nA14 OK done\n"
    script += "<< A15 UID FETCH 1:* (UID FLAGS)\n>> * 1 FETCH (UID 2 FLAGS ())\\r\\nA15 OK done\n"
    script += "<< A16 NOOP\n>> A16 OK done\n"
    if arrived:
        script += taking(17, 3, 2) + "<< A20 NOOP\n>> A20 OK done\n"
    else:
        script += "<< A17 UID SEARCH UID 3:*\n>> * SEARCH 2\\r\\nA17 OK done\n"
    await report(storage, where, [ExistsReceived(2)], script)
    assert await uids(storage, where) == ([2, 3] if arrived else [2], [1])
    async with storage.read() as uow:
        row = await uow.messages.get(moved)
    assert row is not None
    assert (row.mailbox, row.uid) == ("INBOX", 2)


async def test_arrivals_wait_for_a_locked_mailbox_for_a_while(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail that may have been in a mailbox that stays locked is taken in after some tries."""
    monkeypatch.setattr(intake, "_LOOKS", 1)
    monkeypatch.setattr(intake, "_MOST_REFUSALS", 2)
    where = await known(storage)
    elsewhere = await place(storage, mailbox="Work")
    mark = fingerprint(b"2: b", 4)
    await stored(storage, message(elsewhere, 1, uidvalidity=9, fingerprint=mark, content_hash=""))
    selected = _SELECTED.format(exists=2, validity=7, uid=3)
    script = ">> * PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] hello\n"
    for tag in (1, 6, 11):
        script += f'<< A{tag} SELECT "INBOX"\n>> {selected}\\r\\nA{tag} OK [READ-WRITE] done\n'
        script += taking(tag + 1, 2, 2)
        script += f'<< A{tag + 4} EXAMINE "Work"\n>> A{tag + 4} NO [INUSE] locked\n'
    script += f'<< A16 SELECT "INBOX"\n>> {selected}\\r\\nA16 OK [READ-WRITE] done\n.. silence'
    with ThreadPoolExecutor(1) as threads, ScriptServer(script) as server:
        taker = intake.Intake(scope_of(storage, where, Preparer(Pipeline([]), threads)))
        config = {"host": "127.0.0.1", "port": server.port, "security": "plain", "timeout": 5.0}
        async with storage.read() as uow:
            mailbox = await uow.mailboxes.get(where.mailbox_id)
        assert mailbox is not None
        async with IMAPClient(config) as client:
            for _ in range(2):
                await client.select("INBOX")
                with pytest.raises(Throttled):
                    await taker.take_new(client, mailbox)
            await client.select("INBOX")
            assert await taker.take_new(client, mailbox) == 1
    assert await uids(storage, where) == ([1, 2], [])
