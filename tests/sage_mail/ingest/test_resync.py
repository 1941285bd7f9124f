"""What is asked of the server after a report of it, played against a script."""

from __future__ import annotations

import pytest

from sage_imap.protocol.events import Event, ExistsReceived, ExpungeReceived, FetchReceived
from sage_mail.ingest.scope import Scope
from sage_mail.storage import Storage
from tests.sage_mail.ingest.reports import BEGINNING, known, report, taking, uids
from tests.sage_mail.storage.samples import place


async def test_arrivals_wait_for_nothing_else(storage: Storage) -> None:
    """After EXISTS alone new mail is asked for, and what came meanwhile is taken in right away."""
    where = await known(storage)
    script = taking(7, 2, 2) + "<< A10 NOOP\n>> * 3 EXISTS\\r\\nA10 OK done\n"
    script += taking(11, 3, 3) + "<< A14 NOOP\n>> A14 OK done\n"
    await report(storage, where, [ExistsReceived(2)], script)
    assert await uids(storage, where) == ([1, 2, 3], [])


async def test_an_arrival_and_a_departure_at_once(storage: Storage) -> None:
    """A message that left together with an arrival is missed, though the number is the same."""
    where = await known(storage)
    script = taking(7, 2, 1) + "<< A10 NOOP\n>> A10 OK done\n"
    script += "<< A11 UID SEARCH ALL\n>> * SEARCH 2\\r\\nA11 OK done\n"
    script += "<< A12 NOOP\n>> A12 OK done\n"
    await report(storage, where, [ExpungeReceived(1), ExistsReceived(1)], script)
    assert await uids(storage, where) == ([2], [1])


@pytest.mark.parametrize("moment", ["while mail is taken in", "after it"])
async def test_a_departure_told_meanwhile(storage: Storage, moment: str) -> None:
    """A departure that is told between the arrivals' commands is not overlooked."""
    where = await known(storage)
    late = moment == "after it"
    gone = "* 1 EXPUNGE\\r\\n"
    found = taking(7, 2, 2)
    if not late:
        found = found.replace(">> A9 OK", f">> {gone}A9 OK")
        script = found + "<< A10 NOOP\n>> A10 OK done\n"
        script += "<< A11 UID SEARCH ALL\n>> * SEARCH 2\\r\\nA11 OK done\n"
        script += "<< A12 NOOP\n>> A12 OK done\n"
    else:
        script = found + f"<< A10 NOOP\n>> {gone}A10 OK done\n"
        script += "<< A11 UID SEARCH UID 3:*\n>> * SEARCH 2\\r\\nA11 OK done\n"
        script += "<< A12 NOOP\n>> A12 OK done\n"
        script += "<< A13 UID SEARCH ALL\n>> * SEARCH 2\\r\\nA13 OK done\n"
    # Two were there when the departure was told.
    await report(storage, where, [ExistsReceived(2)], script)
    assert await uids(storage, where) == ([2], [1])


async def test_flags_told_with_an_arrival(storage: Storage) -> None:
    """Changed flags that are reported together with new mail are taken over after it."""
    where = await known(storage)
    script = taking(7, 2, 2)
    script += "<< A10 UID FETCH 1:* (UID FLAGS)\n>> * 1 FETCH (UID 1 FLAGS (\\Flagged))\n"
    script += ">> * 2 FETCH (UID 2 FLAGS ())\\r\\nA10 OK done\n<< A11 NOOP\n>> A11 OK done\n"
    events: list[Event] = [ExistsReceived(2), FetchReceived(1, {"FLAGS": ("\\Flagged",)})]
    await report(storage, where, events, script.replace("(\\Flagged)", "(\\\\Flagged)"))
    async with storage.read() as uow:
        found = await uow.messages.flags_by_uid(where.mailbox_id, 7)
    assert found == {1: ("\\Flagged",), 2: ()}


_LISTING = (
    "<< A{0} NOOP\n>> A{0} OK done\n<< A{1} UID SEARCH ALL\n>> * SEARCH {2}\\r\\nA{1} OK done\n"
)


async def test_a_departure_and_an_arrival_told_meanwhile(storage: Storage) -> None:
    """What has come and is not taken in yet does not stand for what has left."""
    where = await known(storage)
    script = taking(7, 2, 2).replace(">> A9 OK", ">> * 1 EXPUNGE\\r\\n* 2 EXISTS\\r\\nA9 OK")
    script += _LISTING.format(10, 11, "2 3") + "<< A12 NOOP\n>> A12 OK done\n"
    script += taking(13, 3, 2) + "<< A16 NOOP\n>> A16 OK done\n"
    await report(storage, where, [ExistsReceived(2)], script)
    assert await uids(storage, where) == ([2, 3], [1])


async def test_fewer_messages_than_before(storage: Storage) -> None:
    """EXISTS of a server that swallows EXPUNGE tells of a departure."""
    where = await known(storage)
    script = "<< A7 UID SEARCH UID 2:*\n>> * 0 EXISTS\\r\\n* SEARCH\\r\\nA7 OK done\n"
    script += _LISTING.format(8, 9, "")
    script += "<< A10 UID SEARCH UID 2:*\n>> * SEARCH\\r\\nA10 OK done\n"
    await report(storage, where, [ExistsReceived(1)], script)
    assert await uids(storage, where) == ([], [1])


async def test_flags_told_after_flags_were_compared(storage: Storage) -> None:
    """A change that is told at the end of a round is taken over by the next one."""
    where = await known(storage)
    fetch = "<< A{0} UID FETCH 1:* (UID FLAGS)\n>> * 1 FETCH (UID 1 FLAGS ({1}))\n"
    fetch += ">> * 2 FETCH (UID 2 FLAGS ())\\r\\nA{0} OK done\n"
    script = taking(7, 2, 2) + fetch.format(10, "\\\\Flagged")
    script += "<< A11 NOOP\n>> * 1 FETCH (FLAGS (\\\\Answered))\\r\\nA11 OK done\n"
    script += "<< A12 UID SEARCH UID 3:*\n>> * SEARCH 2\\r\\nA12 OK done\n"
    script += fetch.format(13, "\\\\Answered")
    events: list[Event] = [ExistsReceived(2), FetchReceived(1, {"FLAGS": ("\\Flagged",)})]
    await report(storage, where, events, script)
    async with storage.read() as uow:
        assert await uow.messages.flags_by_uid(where.mailbox_id, 7) == {1: ("\\Answered",), 2: ()}


async def test_a_message_of_which_nothing_is_known_hides_no_departure(storage: Storage) -> None:
    """Numbers prove nothing until all that the server has was found to be known."""
    where = await known(storage)
    async with storage.unit_of_work() as uow:
        await uow.mailboxes.set_cursor(where.mailbox_id, uidvalidity=7, last_uid=10)
        await uow.commit()
    old = BEGINNING.replace("2:*", "11:*").replace("SEARCH 1", "SEARCH 5")
    script = "<< A7 UID SEARCH UID 11:*\n>> * SEARCH 5\\r\\nA7 OK done\n"
    await report(storage, where, [ExistsReceived(1)], script, beginning=old)
    assert await uids(storage, where) == ([], [1])


@pytest.mark.parametrize("told", [True, False])
async def test_a_message_that_has_left_for_another_mailbox(storage: Storage, told: bool) -> None:
    """One that the database knows to have left is looked for only where nobody saw it leave."""
    where = await known(storage)
    work = await place(storage, mailbox="Work")

    async def move(scope: Scope) -> None:
        async with storage.unit_of_work() as uow:
            await uow.messages.relocate(1, mailbox_id=work.mailbox_id, uidvalidity=9, uid=1)
            await uow.commit()
        if not told:
            scope.found_elsewhere["INBOX"] += 1

    script = "<< A7 UID SEARCH UID 2:*\n>> * SEARCH\\r\\n* 1 EXPUNGE\\r\\nA7 OK done\n"
    script += "" if told else _LISTING.format(8, 9, "")
    await report(storage, where, [ExistsReceived(1)], script, between=move)
    assert await uids(storage, where) == ([], [])
