"""Which message a message is: equal headers, mail that comes back, mail beside a copy."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sage_mail.records import ActionStatus
from tests.live.system import (
    SUPPORT,
    account,
    append,
    logged_in,
    mail,
    own_server,
    running,
    settings_for,
    uids,
)
from tests.support.dovecot import Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot]


async def _make(dovecot: Dovecot, user: str, name: str) -> None:
    async with logged_in(dovecot, user) as client:
        await client.create(name)


@pytest.mark.parametrize("header", [b"Subject: Report\r\n", b""], ids=["equal", "none"])
async def test_different_mails_with_equal_headers_and_sizes(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, header: bytes
) -> None:
    """A mail is new, though one with its header and size was moved and deleted just before."""
    await _make(dovecot, dovecot_user, "Archive")
    watched = account(dovecot, dovecot_user, folders=["INBOX", "Archive"])
    async with running(settings_for(tmp_path, [watched])) as system:
        await system.until_seen("INBOX")
        await system.until_seen("Archive")
        await append(dovecot, dovecot_user, header + b"\r\nvalue 1\r\n")
        await system.until_count("message.new", 1)
        async with logged_in(dovecot, dovecot_user) as client:
            await client.move(await uids(client, "INBOX"), "Archive")
            await system.until_count("message.moved", 1)
            moved = await uids(client, "Archive")
            await client.store(moved, ["\\Deleted"])
            await client.expunge(moved)
        await system.until_count("message.deleted", 1)
        await append(dovecot, dovecot_user, header + b"\r\nvalue 2\r\n")
        await system.until_count("message.new", 2)
        hashes = {message.content_hash for message in await system.messages()}
        assert len(hashes) == 2
        assert (await system.counts())["message.moved"] == 1


async def test_mail_that_comes_back_out_of_the_trash(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Mail that the user deletes and fetches back from an unwatched folder is not new again."""
    await _make(dovecot, dovecot_user, "Trash")
    async with running(settings_for(tmp_path, [account(dovecot, dovecot_user)])) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, mail(1))
        await system.until_count("message.new", 1)
        async with logged_in(dovecot, dovecot_user) as client:
            await client.move(await uids(client, "INBOX"), "Trash")
            await system.until_count("message.deleted", 1)
            await client.move(await uids(client, "Trash"), "INBOX")
        await system.until_count("message.moved", 1)
        await append(dovecot, dovecot_user, mail(2))
        await system.until_count("message.new", 2)
        counts = await system.counts()
        assert (counts["message.new"], counts["message.deleted"]) == (2, 1)
        assert len(await system.messages()) == 2


async def test_mail_beside_a_copy(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """Mail that comes while a likely copy is looked into elsewhere does not wait for a renewal."""
    await _make(dovecot, dovecot_user, "Archive")
    watched = account(dovecot, dovecot_user, folders=["INBOX", "Archive"])
    async with running(settings_for(tmp_path, [watched])) as system:
        await system.until_seen("INBOX")
        await system.until_seen("Archive")
        await append(dovecot, dovecot_user, mail(1))
        await system.until_count("message.new", 1)
        async with logged_in(dovecot, dovecot_user) as client:
            await client.copy(await uids(client, "INBOX"), "Archive")
        for number in range(2, 5):  # the looks take some three seconds
            await asyncio.sleep(0.7)
            await append(dovecot, dovecot_user, mail(number), mailbox="Archive")
        await system.until_count("message.new", 5)
        assert (await system.counts())["message.new"] == 5


async def test_server_that_cannot_move(tmp_path: Path) -> None:
    """Where a server has neither MOVE nor UIDPLUS the mail stays, and the action fails for good."""
    with own_server(extra="imap_capability = IMAP4rev1 LITERAL+ IDLE NAMESPACE") as server:
        settings = settings_for(tmp_path, [account(server, "u1")], routing={"enabled": True})
        async with running(settings) as system:
            await system.until_seen("INBOX")
            await append(server, "u1", mail(1, subject="Error: help", body=SUPPORT))
            await system.until_count("message.new", 1)
            message = (await system.messages())[0]
            async with asyncio.timeout(15):
                while True:
                    async with system.storage.read() as uow:
                        action = (await uow.actions.for_message(message.id))[0]
                    if action.status is not ActionStatus.PLANNED:
                        break
                    await asyncio.sleep(0.1)
            assert action.status is ActionStatus.FAILED
            assert "MOVE" in (action.last_error or "")
        async with logged_in(server, "u1") as client:
            assert len(await uids(client, "INBOX")) == 1
