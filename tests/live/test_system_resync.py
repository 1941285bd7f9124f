"""First sights, resets, restarts: whatever happened meanwhile, the system ends in step."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sage_imap.models.message import MessageSet
from sage_mail.records import MessageState
from tests.live.system import (
    SUPPORT,
    System,
    account,
    append,
    flags,
    logged_in,
    mail,
    own_server,
    running,
    settings_for,
    uids,
)
from tests.support.dovecot import Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot]


async def _fill(dovecot: Dovecot, user: str, count: int, **changes: Any) -> None:
    async with logged_in(dovecot, user) as client:
        for number in range(count):
            await client.append("INBOX", mail(number, **changes))


async def _old_listed(system: System, count: int) -> None:
    """Wait until the census has listed the older mail."""
    async with asyncio.timeout(60):
        while True:
            async with system.storage.read() as uow:
                if sum((await uow.messages.counts_by_state()).values()) >= count:
                    return
            await asyncio.sleep(0.05)


@pytest.mark.timeout(240)
async def test_five_thousand_old_mails(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """The first start on 5,000 old mails announces and moves none, and new mail gets through."""
    await _fill(dovecot, dovecot_user, 5000, subject="Error: help", body=SUPPORT)
    settings = settings_for(tmp_path, [account(dovecot, dovecot_user)], routing={"enabled": True})
    began = time.monotonic()
    async with running(settings) as system:
        await system.until_seen("INBOX")
        seen = time.monotonic() - began
        await append(dovecot, dovecot_user, mail(9999, subject="Lunch?"))
        await system.until_count("message.new", 1)
        new = time.monotonic() - began
        await _old_listed(system, 5001)
        listed = time.monotonic() - began
        assert await system.counts() == {"account.connected": 1, "message.new": 1}
        async with system.storage.read() as uow:
            assert await uow.actions.counts() == {}
    # For the reader of -rA; a loaded machine must not fail the test.
    sys.stdout.write(f"first sight {seen:.2f} s, new {new:.2f} s, listed {listed:.2f} s\n")
    async with logged_in(dovecot, dovecot_user) as client:
        assert len(await uids(client, "INBOX")) == 5001
        assert not any("\\Seen" in one for one in await flags(client, "INBOX"))


async def test_old_mail_that_is_moved_is_not_new(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Mail of before the first sight, moved by the user between watched folders, is not new."""
    await _fill(dovecot, dovecot_user, 5)
    async with logged_in(dovecot, dovecot_user) as client:
        await client.create("Archive")
    settings = settings_for(
        tmp_path, [account(dovecot, dovecot_user, folders=["INBOX", "Archive"])]
    )
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await _old_listed(system, 5)
        async with logged_in(dovecot, dovecot_user) as client:
            await client.move(await uids(client, "INBOX"), "Archive")
        await append(dovecot, dovecot_user, mail(9), mailbox="Archive")
        await system.until_count("message.new", 1)
        await asyncio.sleep(2)  # long enough for what must not come
        assert await system.counts() == {"account.connected": 1, "message.new": 1}


@pytest.mark.parametrize(("initial", "count"), [("all", 4), ("unseen", 3), (2, 4)])
async def test_initial(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, initial: str | int, count: int
) -> None:
    """Older mail is taken for new as far as the settings ask for it, in order, once."""
    await _fill(dovecot, dovecot_user, 4)
    async with logged_in(dovecot, dovecot_user) as client:
        await client.select("INBOX")
        await client.store(MessageSet([2]), ["\\Seen"])
    for _ in range(2):
        settings = settings_for(tmp_path, [account(dovecot, dovecot_user, initial=initial)])
        async with running(settings) as system:
            new = await system.until_count("message.new", count)
            await system.until_seen("INBOX")
            assert len(new) == count
            assert [event.data["uid"] for event in new] == sorted(e.data["uid"] for e in new)


async def test_flags(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """A change of flags by others is announced once, with what was added and removed."""
    async with running(settings_for(tmp_path, [account(dovecot, dovecot_user)])) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, mail(1))
        await system.until_count("message.new", 1)
        async with logged_in(dovecot, dovecot_user) as client:
            found = await uids(client, "INBOX")
            await client.store(found, ["\\Flagged"])
            changed = await system.until_count("message.flags_changed", 1)
            assert (changed[0].data["added"], changed[0].data["removed"]) == (["\\Flagged"], [])
            await client.store(found, ["\\Flagged"], mode="remove")
        changed = await system.until_count("message.flags_changed", 2)
        assert (changed[1].data["added"], changed[1].data["removed"]) == ([], ["\\Flagged"])
        assert (await system.messages())[0].flags == ()


async def test_identical_and_copied(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """Two byte-identical messages are two, and a copy in another folder is a message of its own."""
    async with logged_in(dovecot, dovecot_user) as client:
        await client.create("Copies")
    settings = settings_for(tmp_path, [account(dovecot, dovecot_user, folders=["INBOX", "Copies"])])
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await system.until_seen("Copies")
        await append(dovecot, dovecot_user, mail(1), mail(1))
        await system.until_count("message.new", 2)
        async with logged_in(dovecot, dovecot_user) as client:
            await client.copy(await uids(client, "INBOX"), "Copies")
        await system.until_count("message.new", 4)
        assert await system.counts() == {"account.connected": 1, "message.new": 4}


async def test_move_by_copy_and_delete(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """A client that copies, flags as deleted and expunges later has moved."""
    async with logged_in(dovecot, dovecot_user) as client:
        await client.create("Archive")
    settings = settings_for(
        tmp_path, [account(dovecot, dovecot_user, folders=["INBOX", "Archive"])]
    )
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await system.until_seen("Archive")
        await append(dovecot, dovecot_user, mail(1))
        await system.until_count("message.new", 1)
        async with logged_in(dovecot, dovecot_user) as client:
            found = await uids(client, "INBOX")
            await client.copy(found, "Archive")
            await client.store(found, ["\\Deleted"])
            await system.until_count("message.moved", 1)
            await client.expunge(found)
        await append(dovecot, dovecot_user, mail(2))
        await system.until_count("message.new", 2)
        counts = await system.counts()
        assert (counts["message.new"], counts["message.moved"]) == (2, 1)
        assert counts["message.deleted"] == 0


async def test_changes_while_stopped(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """What happened while nobody looked is told at the next start."""
    async with logged_in(dovecot, dovecot_user) as client:
        await client.create("Archive")
    settings = settings_for(
        tmp_path, [account(dovecot, dovecot_user, folders=["INBOX", "Archive"])]
    )
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await system.until_seen("Archive")
        await append(dovecot, dovecot_user, *(mail(n) for n in range(4)))
        await system.until_count("message.new", 4)
    async with logged_in(dovecot, dovecot_user) as client:
        first, second, third, _ = list(await uids(client, "INBOX"))
        await client.move(MessageSet([first]), "Archive")
        await client.store(MessageSet([second]), ["\\Deleted"])
        await client.expunge(MessageSet([second]))
        await client.store(MessageSet([third]), ["\\Answered"])
    await append(dovecot, dovecot_user, mail(8))
    async with running(settings) as system:
        await system.until_count("message.deleted", 1)
        await system.until_count("message.new", 5)
        await system.until_count("message.flags_changed", 1)
        counts = await system.counts()
        del counts["account.connected"]
        assert counts == {
            "message.new": 5,
            "message.moved": 1,
            "message.deleted": 1,
            "message.flags_changed": 1,
        }


def _change_uidvalidity(dovecot: Dovecot, user: str) -> None:
    """Have all UIDs of the user's INBOX mean something else from the next start on."""
    found = list(dovecot.maildir(user).rglob("dovecot-uidlist"))
    assert found
    for path in found:
        path.unlink()
    for index in dovecot.maildir(user).rglob("dovecot.index*"):
        index.unlink()
    for listing in dovecot.maildir(user).rglob("dovecot-uidvalidity*"):
        listing.unlink()


async def test_uidvalidity_change(tmp_path: Path) -> None:
    """After a UIDVALIDITY change what is known is recognised, and what is new is announced."""
    with own_server() as server:
        await _fill(server, "ann", 3)
        settings = settings_for(tmp_path, [account(server, "ann")])
        async with running(settings) as system:
            await system.until_seen("INBOX")
            await _old_listed(system, 3)
            await append(server, "ann", mail(10), mail(11))
            await system.until_count("message.new", 2)
            before = {message.id: message.uidvalidity for message in await system.messages()}
        await append(server, "ann", mail(12))
        server.stop()
        await asyncio.sleep(1.1)  # UIDVALIDITY is made of the second
        _change_uidvalidity(server, "ann")
        server.start()
        async with running(settings) as system:
            await system.until_count("mailbox.reset", 1)
            await system.until_count("message.new", 3)
            await asyncio.sleep(1.5)  # long enough for what must not come
            counts = await system.counts()
            del counts["account.connected"]
            assert counts == {"message.new": 3, "mailbox.reset": 1}
            after = {message.id: message.uidvalidity for message in await system.messages()}
            assert before.keys() < after.keys()
            assert all(after[row] != validity for row, validity in before.items())
            await append(server, "ann", mail(13))
            await system.until_count("message.new", 4)


async def test_restart_of_the_server(tmp_path: Path) -> None:
    """A server that is killed and comes back is found again; nothing is missed."""
    with own_server() as server:
        settings = settings_for(tmp_path, [account(server, "ann"), account(server, "bob")])
        async with running(settings) as system:
            await system.until_count("account.connected", 2)
            await append(server, "ann", mail(1))
            await system.until_count("message.new", 1)
            for number, kill in ((2, False), (3, True)):
                server.stop(kill=kill)
                server.start()
                await append(server, "ann", mail(number))
                await append(server, "bob", mail(number))
            await system.until_count("message.new", 5, seconds=40)
            assert await system.counts() == {"account.connected": 2, "message.new": 5}


async def test_refused_account_leaves_the_other_alone(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """A wrong password is told once and costs the other account nothing."""
    wrong = account(dovecot, "somebody", password="wrong")
    settings = settings_for(tmp_path, [wrong, account(dovecot, dovecot_user)])
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, mail(1))
        await system.until_count("message.new", 1)
        refused = await system.until_count("account.auth_failed", 1)
        assert refused[0].account == "somebody"
        assert await system.counts() == {
            "account.auth_failed": 1,
            "account.connected": 1,
            "message.new": 1,
        }


async def test_polled_folders(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """Without IDLE connections everything is noticed at the next poll."""
    async with logged_in(dovecot, dovecot_user) as client:
        await client.create("Archive")
    settings = settings_for(
        tmp_path,
        [
            account(
                dovecot,
                dovecot_user,
                folders=["INBOX", "Archive", "Later"],
                idle_connections=0,
                poll_interval=0.3,
            )
        ],
    )
    async with running(settings) as system:
        await system.until_seen("Archive")
        await append(dovecot, dovecot_user, mail(1), mail(2))
        await system.until_count("message.new", 2)
        async with logged_in(dovecot, dovecot_user) as client:
            found = await uids(client, "INBOX")
            await client.move(MessageSet(found.parsed_ids[:1]), "Archive")
            await system.until_count("message.moved", 1)
            await uids(client, "INBOX")
            await client.store(MessageSet(found.parsed_ids[1:]), ["\\Deleted"])
            await client.expunge(MessageSet(found.parsed_ids[1:]))
        await system.until_count("message.deleted", 1)
        assert await system.counts() == {
            "account.connected": 1,
            "message.new": 2,
            "message.moved": 1,
            "message.deleted": 1,
        }


@pytest.mark.parametrize("connections", [0, 2])
async def test_deleted_folder(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, connections: int
) -> None:
    """What was in a watched folder that somebody deletes is deleted, be it while we are stopped."""
    names = ["INBOX", "Work", "Later"]
    changes = {"folders": names, "idle_connections": connections}
    settings = settings_for(tmp_path, [account(dovecot, dovecot_user, **changes)])
    async with logged_in(dovecot, dovecot_user) as client:
        await client.create("Work")
        await client.create("Later")
    async with running(settings) as system:
        for name in names:
            await system.until_seen(name)
        await append(dovecot, dovecot_user, mail(1), mailbox="Work")
        await append(dovecot, dovecot_user, mail(2), mailbox="Later")
        await system.until_count("message.new", 2)
        async with logged_in(dovecot, dovecot_user) as client:
            await client.delete("Work")
        await system.until_count("message.deleted", 1)
    async with logged_in(dovecot, dovecot_user) as client:
        await client.delete("Later")
    async with running(settings) as system:
        await system.until_count("message.deleted", 2)
        counts = await system.counts()
        assert (counts["message.new"], counts["message.moved"]) == (2, 0)


@pytest.mark.parametrize("connections", [0, 3])
async def test_renamed_folder(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, connections: int
) -> None:
    """What was in a folder that is renamed to another watched one has moved, and back again."""
    names = ["INBOX", "Work", "Projects"]
    changes = {"folders": names, "idle_connections": connections}
    settings = settings_for(tmp_path, [account(dovecot, dovecot_user, **changes)])
    async with logged_in(dovecot, dovecot_user) as client:
        await client.create("Work")
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await system.until_seen("Work")
        await append(dovecot, dovecot_user, mail(1), mail(2), mailbox="Work")
        await system.until_count("message.new", 2)
        async with logged_in(dovecot, dovecot_user) as client:
            await client.rename("Work", "Projects")
            await system.until_count("message.moved", 2)
            await append(dovecot, dovecot_user, mail(3), mailbox="Projects")
            await system.until_count("message.new", 3)
            await client.rename("Projects", "Work")
            await system.until_count("message.moved", 5)
        await append(dovecot, dovecot_user, mail(4), mailbox="Work")
        await system.until_count("message.new", 4)
        assert {message.mailbox for message in await system.messages()} == {"Work"}
        counts = await system.counts()
        assert (counts["message.new"], counts["message.moved"]) == (4, 5)
        assert counts["message.deleted"] == 0


async def test_folder_that_comes_back(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """A folder that was away for less than the grace is as it was."""
    # Nobody tells an IDLE in it that it has another name now.
    changes = {"folders": ["INBOX", "Work"], "idle_connections": 1}
    settings = settings_for(tmp_path, [account(dovecot, dovecot_user, **changes)])
    async with logged_in(dovecot, dovecot_user) as client:
        await client.create("Work")
    async with running(settings, grace=60) as system:
        await system.until_seen("Work")
        await append(dovecot, dovecot_user, mail(1), mailbox="Work")
        await system.until_count("message.new", 1)
        async with logged_in(dovecot, dovecot_user) as client:
            await client.rename("Work", "Hidden")
            await _in_state(system, MessageState.MISSING)
            await client.rename("Hidden", "Work")
            await _in_state(system, MessageState.PRESENT)
        await append(dovecot, dovecot_user, mail(2), mailbox="Work")
        await system.until_count("message.new", 2)
        counts = await system.counts()
        assert (counts["message.deleted"], counts["message.moved"]) == (0, 0)


async def _in_state(system: System, state: MessageState) -> None:
    """Wait until all messages are in this state."""
    async with asyncio.timeout(30):
        while {message.state for message in await system.messages()} != {state}:
            await asyncio.sleep(0.05)
