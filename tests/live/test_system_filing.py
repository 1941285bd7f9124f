"""Filing on servers that spell folders in their own way, and where filing cannot be done."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sage_imap.models.message import MessageSet
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
    return await _failures(system, 1)


async def _failures(system: System, attempts: int) -> ActionRecord:
    """The action on the support mail, once it has failed so often."""
    async with asyncio.timeout(15):
        while True:
            async with system.storage.read() as uow:
                found = [m for m in await system.messages() if "Error" in m.subject]
                actions = await uow.actions.for_message(found[0].id) if found else []
            if actions and actions[0].attempts >= attempts:
                return actions[0]
            await asyncio.sleep(0.05)


# A server without MOVE
_PLAIN = "imap_capability = IMAP4rev1 LITERAL+ IDLE NAMESPACE UIDPLUS UNSELECT CONDSTORE\n"


async def test_move_that_was_interrupted_behind_its_copy(tmp_path: Path) -> None:
    """Without MOVE: what lies in the folder already is not copied once more, but removed here.

    Of two that are alike, each has a copy of its own.
    """
    with own_server(extra=_PLAIN) as server:
        async with logged_in(server, "ann") as client:
            await client.create("INBOX/Support")
            await append(server, "ann", _support(1), _support(1), _support(2))
            await client.select("INBOX")
            await client.copy(MessageSet("1"), "INBOX/Support")
        settings = settings_for(tmp_path, [account(server, "ann", initial="all")], routing=_ROUTING)
        async with running(settings) as system:
            moved = await system.until_count("message.moved", 3)
        places = sorted(event.data["moved"]["to"]["uid"] for event in moved)
        assert places == [1, 2, 3]
        async with logged_in(server, "ann") as client:
            assert not await uids(client, "INBOX")
            assert len(await uids(client, "INBOX/Support")) == 3


async def test_move_whose_removal_is_refused(tmp_path: Path) -> None:
    """Without MOVE, and without the rights to delete, where Dovecot answers OK and does nothing.

    However often it is tried there is one copy, and it is not said to have moved.
    """
    with _readable("* owner lrwsipkxa\n") as file:
        plugin = f"mail_plugins = acl\nplugin {{\n  acl = vfile:{file}\n}}\n"
        with own_server(extra=_PLAIN + plugin) as server:
            settings = settings_for(tmp_path, [account(server, "ann")], routing=_ROUTING)
            async with running(settings) as system:
                await system.until_seen("INBOX")
                await append(server, "ann", _support(1))
                action = await _failures(system, 2)
                assert action.last_error == "it was copied; the server keeps it here"
                assert (await system.counts())["message.moved"] == 0
            async with logged_in(server, "ann") as client:
                assert len(await uids(client, "INBOX")) == 1
                assert len(await uids(client, "INBOX/Support")) == 1


@contextmanager
def _readable(text: str) -> Iterator[Path]:
    """A file that the users under which Dovecot runs can read; pytest's own folder is closed."""
    with tempfile.TemporaryDirectory(prefix="sage-acl-") as name:
        Path(name).chmod(0o755)
        file = Path(name) / "rights"
        file.write_text(text)
        yield file
