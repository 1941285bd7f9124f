"""The system on a Dovecot: what is new, moved, deleted or changed is noticed once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sage_imap.models.message import MessageSet
from tests.live.system import (
    SUPPORT,
    account,
    append,
    flags,
    logged_in,
    mail,
    running,
    settings_for,
    uids,
)
from tests.support.dovecot import Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot]


async def test_new_mail_is_announced_once(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Mail that arrives after the first sight is stored and announced once; older mail is not."""
    await append(dovecot, dovecot_user, *(mail(n) for n in range(3)))
    async with running(settings_for(tmp_path, [account(dovecot, dovecot_user)])) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, mail(10), mail(11))
        new = await system.until_count("message.new", 2)
        assert [event.data["subject"] for event in new] == ["Message 10", "Message 11"]
        assert len(await system.messages()) == 2
        assert (await system.counts())["account.connected"] == 1
    assert (await _after(tmp_path, dovecot, dovecot_user))["message.new"] == 2


async def _after(tmp_path: Path, dovecot: Dovecot, user: str) -> dict[str, int]:
    """The events after another start."""
    async with running(settings_for(tmp_path, [account(dovecot, user)])) as system:
        await append(dovecot, user, mail(99, subject="last"))
        await system.until(
            lambda found: bool(found) and found[-1].data["subject"] == "last", "message.new"
        )
        counts = await system.counts()
        counts["message.new"] -= 1
        return counts


async def test_support_mail_is_filed(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """With routing on, mail is moved after its commit and told to be moved, never new again."""
    settings = settings_for(
        tmp_path,
        [account(dovecot, dovecot_user, folders=["INBOX", "INBOX/Support"])],
        routing={"enabled": True, "mark_seen": True},
    )
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await append(
            dovecot, dovecot_user, *(mail(n, subject="Error: help", body=SUPPORT) for n in range(5))
        )
        moved = await system.until_count("message.moved", 5)
        assert {event.data["moved"]["by"] for event in moved} == {"sage"}
        await append(dovecot, dovecot_user, mail(7, subject="Lunch?"))
        await system.until_count("message.new", 6)
        assert await system.counts() == {
            "account.connected": 1,
            "message.new": 6,
            "message.moved": 5,
        }
    async with logged_in(dovecot, dovecot_user) as client:
        assert len(await uids(client, "INBOX")) == 1
        found = await flags(client, "INBOX/Support")
        assert len(found) == 5
        assert all("\\Seen" in one for one in found)


async def test_move_by_the_user(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """A message that the user moves between watched folders has moved, and is not new."""
    async with logged_in(dovecot, dovecot_user) as client:
        await client.create("Archive")
    settings = settings_for(
        tmp_path, [account(dovecot, dovecot_user, folders=["INBOX", "Archive"])]
    )
    async with running(settings) as system:
        await system.until_seen("Archive")
        await append(dovecot, dovecot_user, mail(1), mail(2))
        await system.until_count("message.new", 2)
        async with logged_in(dovecot, dovecot_user) as client:
            found = await uids(client, "INBOX")
            await client.move(MessageSet(found.parsed_ids[:1], "INBOX"), "Archive")
        moved = await system.until_count("message.moved", 1)
        assert moved[0].data["moved"]["by"] == "user"
        assert moved[0].data["moved"]["to"]["mailbox"] == "Archive"
        async with logged_in(dovecot, dovecot_user) as client:
            found = await uids(client, "Archive")
            await client.store(found, ["\\Deleted"])
            await client.expunge(found)
        deleted = await system.until_count("message.deleted", 1)
        assert deleted[0].message_id == moved[0].message_id
        assert (await system.counts())["message.new"] == 2
