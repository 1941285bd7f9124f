"""What is asked of the server after a report of it, played against a script."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from sage_imap.aio import IMAPClient
from sage_imap.protocol.events import Event, ExistsReceived, ExpungeReceived, FetchReceived
from sage_imap.transports.scripted import parse_script
from sage_mail.ingest.preparing import Preparer
from sage_mail.ingest.resync import Resync
from sage_mail.ingest.scope import CriticalSections, Scope
from sage_mail.pipeline import Pipeline
from sage_mail.settings import AccountSettings, RoutingSettings
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import Place, message, place, stored
from tests.support.script_server import HELLO, ScriptServer

_BEGINNING = rf"""
>> {HELLO}
<< A1 LOGIN "ann" "pw"
>> A1 OK [CAPABILITY IMAP4rev1 LITERAL+] in
<< A2 SELECT "INBOX"
>> * 1 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 2] next\r\nA2 OK [READ-WRITE] done
<< A3 UID SEARCH UID 2:*
>> * SEARCH 1\r\nA3 OK done
<< A4 UID FETCH 1:* (UID FLAGS)
>> * 1 FETCH (UID 1 FLAGS (\\Seen))\r\nA4 OK done
"""
_BODY = "UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]"
_DATE = 'INTERNALDATE "17-Jul-2026 02:44:25 +0000"'


def _taking(tag: int, uid: int, seq: int) -> str:
    """How a new message is found, weighed and fetched."""
    return rf"""
<< A{tag} UID SEARCH UID {uid}:*
>> * SEARCH {uid}\r\nA{tag} OK done
<< A{tag + 1} UID FETCH {uid} (UID RFC822.SIZE)
>> * {seq} FETCH (UID {uid} RFC822.SIZE 4)\r\nA{tag + 1} OK done
<< A{tag + 2} UID FETCH {uid} ({_BODY})
>> * {seq} FETCH (UID {uid} FLAGS () {_DATE} RFC822.SIZE 4 BODY[] "{uid}: b")
>> A{tag + 2} OK done
"""


async def _known(storage: Storage) -> Place:
    """A mailbox in step, with one message."""
    where = await place(storage)
    await stored(storage, message(where, 1))
    async with storage.unit_of_work() as uow:
        await uow.mailboxes.set_cursor(where.mailbox_id, uidvalidity=7, last_uid=1)
        await uow.commit()
    return where


async def _report(storage: Storage, where: Place, events: Sequence[Event], script: str) -> None:
    """Let the server report the events in a session in step, and play exactly the script then."""
    script = _BEGINNING + script
    with ThreadPoolExecutor(1) as threads, ScriptServer(script + "\n.. silence") as server:
        scope = _scope(storage, where, Preparer(Pipeline([]), threads))
        resync = Resync(scope, "INBOX")
        async with IMAPClient(
            {
                "host": "127.0.0.1",
                "port": server.port,
                "security": "plain",
                "username": "ann",
                "password": "pw",
                "timeout": 5.0,
            }
        ) as client:
            await client.select("INBOX")
            await resync.whole(client)
            await resync.news(client, events, detected=time.monotonic())
        told = [step.data for step in parse_script(script) if step.kind == "<<"]
    *said, goodbye = server.received[0].splitlines(keepends=True)
    assert said == told
    assert goodbye.endswith(b" LOGOUT\r\n")


def _scope(storage: Storage, where: Place, preparer: Preparer) -> Scope:
    return Scope(
        settings=AccountSettings(name="office", host="localhost", username="ann", password="pw"),
        account_id=where.account_id,
        storage=storage,
        routing=RoutingSettings(),
        endpoints=(),
        preparer=preparer,
        sections=CriticalSections(),
    )


async def _uids(storage: Storage, where: Place) -> tuple[list[int], list[int]]:
    """The UIDs that are present, and those that are missing."""
    async with storage.read() as uow:
        present = await uow.messages.present_uids(where.mailbox_id, 7)
        return present, await uow.messages.missing_uids(where.mailbox_id, 7)


async def test_arrivals_wait_for_nothing_else(storage: Storage) -> None:
    """After EXISTS alone new mail is asked for, and what came meanwhile is taken in right away."""
    where = await _known(storage)
    script = _taking(5, 2, 2) + "<< A8 NOOP\n>> * 3 EXISTS\\r\\nA8 OK done\n"
    script += _taking(9, 3, 3) + "<< A12 NOOP\n>> A12 OK done\n"
    await _report(storage, where, [ExistsReceived(2)], script)
    assert await _uids(storage, where) == ([1, 2, 3], [])


async def test_an_arrival_and_a_departure_at_once(storage: Storage) -> None:
    """A message that left together with an arrival is missed, though the number is the same."""
    where = await _known(storage)
    script = _taking(5, 2, 1) + "<< A8 NOOP\n>> A8 OK done\n"
    script += "<< A9 UID SEARCH ALL\n>> * SEARCH 2\\r\\nA9 OK done\n"
    script += "<< A10 NOOP\n>> A10 OK done\n"
    await _report(storage, where, [ExpungeReceived(1), ExistsReceived(1)], script)
    assert await _uids(storage, where) == ([2], [1])


@pytest.mark.parametrize("moment", ["while mail is taken in", "after it"])
async def test_a_departure_told_meanwhile(storage: Storage, moment: str) -> None:
    """A departure that is told between the arrivals' commands is not overlooked."""
    where = await _known(storage)
    late = moment == "after it"
    gone = "* 1 EXPUNGE\\r\\n"
    taking = _taking(5, 2, 2)
    if not late:
        taking = taking.replace(">> A7 OK", f">> {gone}A7 OK")
        script = taking + "<< A8 NOOP\n>> A8 OK done\n"
        script += "<< A9 UID SEARCH ALL\n>> * SEARCH 2\\r\\nA9 OK done\n"
        script += "<< A10 NOOP\n>> A10 OK done\n"
    else:
        script = taking + f"<< A8 NOOP\n>> {gone}A8 OK done\n"
        script += "<< A9 UID SEARCH UID 3:*\n>> * SEARCH 2\\r\\nA9 OK done\n"
        script += "<< A10 NOOP\n>> A10 OK done\n"
        script += "<< A11 UID SEARCH ALL\n>> * SEARCH 2\\r\\nA11 OK done\n"
    # Two were there when the departure was told.
    await _report(storage, where, [ExistsReceived(2)], script)
    assert await _uids(storage, where) == ([2], [1])


async def test_flags_told_with_an_arrival(storage: Storage) -> None:
    """Changed flags that are reported together with new mail are taken over after it."""
    where = await _known(storage)
    script = _taking(5, 2, 2)
    script += "<< A8 UID FETCH 1:* (UID FLAGS)\n>> * 1 FETCH (UID 1 FLAGS (\\Flagged))\n"
    script += ">> * 2 FETCH (UID 2 FLAGS ())\\r\\nA8 OK done\n<< A9 NOOP\n>> A9 OK done\n"
    events: list[Event] = [ExistsReceived(2), FetchReceived(1, {"FLAGS": ("\\Flagged",)})]
    await _report(storage, where, events, script.replace("(\\Flagged)", "(\\\\Flagged)"))
    async with storage.read() as uow:
        found = await uow.messages.flags_by_uid(where.mailbox_id, 7)
    assert found == {1: ("\\Flagged",), 2: ()}
