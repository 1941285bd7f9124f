"""Filing on servers that spell folders in their own way, and where filing cannot be done."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from sage_mail.records import ActionRecord, ActionStatus
from tests.live.system import (
    SUPPORT,
    System,
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

_ROUTING = {"enabled": True}


def _support(number: int) -> bytes:
    return mail(number, subject=f"Error {number}: help", body=SUPPORT)


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({"separator": ".", "prefix": "INBOX.", "layout": ""}, "INBOX.Support"),
        ({"separator": ".", "prefix": "", "layout": ""}, "INBOX.Support"),
        (
            {
                "extra": "mail_location = mbox:~/mail:INBOX=~/mail/INBOX\n"
                "mail_privileged_group = mail\nmail_access_groups = mail\n"
            },
            "Support",
        ),
    ],
    ids=["prefix", "dots", "no children of INBOX"],
)
async def test_folders_in_the_spelling_of_the_server(
    tmp_path: Path, options: dict[str, str], target: str
) -> None:
    """Mail is filed where the server keeps folders, and the folder is watched by the same name."""
    with own_server(**options) as server:
        settings = settings_for(
            tmp_path,
            [account(server, "ann", folders=["INBOX", "INBOX/Support"])],
            routing=_ROUTING,
        )
        async with running(settings) as system:
            await system.until_seen("INBOX")
            await append(server, "ann", _support(1), _support(2))
            moved = await system.until_count("message.moved", 2)
            assert {event.data["moved"]["to"]["mailbox"] for event in moved} == {target}
            await append(server, "ann", mail(3))
            await system.until_count("message.new", 3)
            await system.until_seen(target)
            async with logged_in(server, "ann") as client:
                assert len(await uids(client, target)) == 2
                await client.move(await uids(client, target), "INBOX")
            back = await system.until_count("message.moved", 4)
            assert {event.data["moved"]["by"] for event in back[2:]} == {"user"}
            assert (await system.counts())["message.new"] == 3


async def test_move_that_the_server_refuses(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Where the folder cannot be made the message stays, the action says why, others go on."""
    async with logged_in(dovecot, dovecot_user) as client:
        await client.create("Dummy")
    # A file in the place of the folder's directory: Dovecot can neither list nor make it.
    folder = next(dovecot.maildir(dovecot_user).rglob("Dummy"))
    blocked = folder.with_name("Blocked")
    blocked.write_text("")
    shutil.chown(blocked, "root", "root")
    settings = settings_for(
        tmp_path,
        [account(dovecot, dovecot_user)],
        routing={"enabled": True, "folders": {"support": "Blocked/Support"}},
    )
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, _support(1), mail(2))
        await system.until_count("message.new", 2)
        action = await _first_failure(system)
        assert action.last_error
        assert action.status in (ActionStatus.PLANNED, ActionStatus.FAILED)
        assert (await system.counts())["message.moved"] == 0
    async with logged_in(dovecot, dovecot_user) as client:
        assert len(await uids(client, "INBOX")) == 2


async def _first_failure(system: System) -> ActionRecord:
    """The action on the support mail, once it has failed."""
    async with asyncio.timeout(15):
        while True:
            async with system.storage.read() as uow:
                message = next(m for m in await system.messages() if "Error" in m.subject)
                actions = await uow.actions.for_message(message.id)
            if actions and actions[0].attempts:
                return actions[0]
            await asyncio.sleep(0.05)
