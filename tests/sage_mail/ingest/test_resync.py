"""What is asked of the server after a report of it, played against a script."""

from __future__ import annotations

import pytest

from sage_imap.protocol.events import Event, ExistsReceived, ExpungeReceived, FetchReceived
from sage_mail.storage import Storage
from tests.sage_mail.ingest.reports import known, report, taking, uids


async def test_arrivals_wait_for_nothing_else(storage: Storage) -> None:
    """After EXISTS alone new mail is asked for, and what came meanwhile is taken in right away."""
    where = await known(storage)
    script = taking(5, 2, 2) + "<< A8 NOOP\n>> * 3 EXISTS\\r\\nA8 OK done\n"
    script += taking(9, 3, 3) + "<< A12 NOOP\n>> A12 OK done\n"
    await report(storage, where, [ExistsReceived(2)], script)
    assert await uids(storage, where) == ([1, 2, 3], [])


async def test_an_arrival_and_a_departure_at_once(storage: Storage) -> None:
    """A message that left together with an arrival is missed, though the number is the same."""
    where = await known(storage)
    script = taking(5, 2, 1) + "<< A8 NOOP\n>> A8 OK done\n"
    script += "<< A9 UID SEARCH ALL\n>> * SEARCH 2\\r\\nA9 OK done\n"
    script += "<< A10 NOOP\n>> A10 OK done\n"
    await report(storage, where, [ExpungeReceived(1), ExistsReceived(1)], script)
    assert await uids(storage, where) == ([2], [1])


@pytest.mark.parametrize("moment", ["while mail is taken in", "after it"])
async def test_a_departure_told_meanwhile(storage: Storage, moment: str) -> None:
    """A departure that is told between the arrivals' commands is not overlooked."""
    where = await known(storage)
    late = moment == "after it"
    gone = "* 1 EXPUNGE\\r\\n"
    found = taking(5, 2, 2)
    if not late:
        found = found.replace(">> A7 OK", f">> {gone}A7 OK")
        script = found + "<< A8 NOOP\n>> A8 OK done\n"
        script += "<< A9 UID SEARCH ALL\n>> * SEARCH 2\\r\\nA9 OK done\n"
        script += "<< A10 NOOP\n>> A10 OK done\n"
    else:
        script = found + f"<< A8 NOOP\n>> {gone}A8 OK done\n"
        script += "<< A9 UID SEARCH UID 3:*\n>> * SEARCH 2\\r\\nA9 OK done\n"
        script += "<< A10 NOOP\n>> A10 OK done\n"
        script += "<< A11 UID SEARCH ALL\n>> * SEARCH 2\\r\\nA11 OK done\n"
    # Two were there when the departure was told.
    await report(storage, where, [ExistsReceived(2)], script)
    assert await uids(storage, where) == ([2], [1])


async def test_flags_told_with_an_arrival(storage: Storage) -> None:
    """Changed flags that are reported together with new mail are taken over after it."""
    where = await known(storage)
    script = taking(5, 2, 2)
    script += "<< A8 UID FETCH 1:* (UID FLAGS)\n>> * 1 FETCH (UID 1 FLAGS (\\Flagged))\n"
    script += ">> * 2 FETCH (UID 2 FLAGS ())\\r\\nA8 OK done\n<< A9 NOOP\n>> A9 OK done\n"
    events: list[Event] = [ExistsReceived(2), FetchReceived(1, {"FLAGS": ("\\Flagged",)})]
    await report(storage, where, events, script.replace("(\\Flagged)", "(\\\\Flagged)"))
    async with storage.read() as uow:
        found = await uow.messages.flags_by_uid(where.mailbox_id, 7)
    assert found == {1: ("\\Flagged",), 2: ()}
