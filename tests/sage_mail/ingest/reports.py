"""A mailbox in step, and what a scripted server reports of it then."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sage_imap.aio import IMAPClient
from sage_imap.protocol.events import Event
from sage_imap.transports.scripted import parse_script
from sage_mail.ingest.preparing import Preparer
from sage_mail.ingest.resync import Resync
from sage_mail.ingest.scope import CriticalSections, Scope
from sage_mail.pipeline import Pipeline
from sage_mail.settings import AccountSettings, RoutingSettings
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import Place, message, place, stored
from tests.support.script_server import HELLO, ScriptServer

__all__ = ["BEGINNING", "known", "report", "scope_of", "taking", "uids"]

BEGINNING = rf"""
>> {HELLO}
<< A1 LOGIN "ann" "pw"
>> A1 OK [CAPABILITY IMAP4rev1 LITERAL+] in
<< A2 SELECT "INBOX"
>> * 1 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 2] next\r\nA2 OK [READ-WRITE] done
<< A3 UID SEARCH UID 2:*
>> * SEARCH 1\r\nA3 OK done
<< A4 NOOP
>> A4 OK done
<< A5 UID SEARCH ALL
>> * SEARCH 1\r\nA5 OK done
<< A6 UID FETCH 1:* (UID FLAGS)
>> * 1 FETCH (UID 1 FLAGS (\\Seen))\r\nA6 OK done
"""
_BODY = "UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]"
_DATE = 'INTERNALDATE "17-Jul-2026 02:44:25 +0000"'


def taking(tag: int, uid: int, seq: int) -> str:
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


async def known(storage: Storage) -> Place:
    """A mailbox in step, with one message."""
    where = await place(storage)
    await stored(storage, message(where, 1))
    async with storage.unit_of_work() as uow:
        await uow.mailboxes.set_cursor(where.mailbox_id, uidvalidity=7, last_uid=1)
        await uow.commit()
    return where


async def report(
    storage: Storage,
    where: Place,
    events: Sequence[Event],
    script: str,
    *,
    beginning: str = BEGINNING,
    between: Callable[[Scope], Awaitable[None]] | None = None,
) -> None:
    """Let the server report the events in a session in step, and play exactly the script then.

    *between* is done before the report.
    """
    script = beginning + script
    with ThreadPoolExecutor(1) as threads, ScriptServer(script + "\n.. silence") as server:
        scope = scope_of(storage, where, Preparer(Pipeline([]), threads))
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
            if between is not None:
                await between(scope)
            resync.note(events)
            await resync.news(client, detected=time.monotonic())
        told = [step.data for step in parse_script(script) if step.kind == "<<"]
    *said, goodbye = server.received[0].splitlines(keepends=True)
    assert said == told
    assert goodbye.endswith(b" LOGOUT\r\n")


def scope_of(storage: Storage, where: Place, preparer: Preparer) -> Scope:
    return Scope(
        settings=AccountSettings(name="office", host="localhost", username="ann", password="pw"),
        account_id=where.account_id,
        storage=storage,
        routing=RoutingSettings(),
        endpoints=(),
        preparer=preparer,
        sections=CriticalSections(),
    )


async def uids(storage: Storage, where: Place) -> tuple[list[int], list[int]]:
    """The UIDs that are present, and those that are missing."""
    async with storage.read() as uow:
        present = await uow.messages.present_uids(where.mailbox_id, 7)
        return present, await uow.messages.missing_uids(where.mailbox_id, 7)
