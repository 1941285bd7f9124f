"""What is processed gets the keyword, where the user wants it and the server keeps it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from sage_mail.records import ActionKind, ActionStatus
from sage_mail.storage import Storage
from tests.live.process import Service, written
from tests.live.system import (
    SUPPORT,
    System,
    account,
    append,
    flags,
    logged_in,
    mail,
    running,
    settings_for,
    without_keywords,
)
from tests.support.dovecot import Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot]

_FILED = mail(1, subject="Error: help", body=SUPPORT)
_LEFT = mail(2, subject="Lunch?")
_KEYWORD = "$SageProcessed"
_DONE = (ActionKind.ADD_FLAGS, ActionStatus.DONE)


async def _until_done(system: System, count: int) -> None:
    """Wait until so many changes of flags are carried out."""
    async with asyncio.timeout(30):
        while True:
            async with system.storage.read() as uow:
                if (await uow.actions.counts()).get(_DONE, 0) >= count:
                    return
            await asyncio.sleep(0.05)


async def test_nothing_is_marked_by_default(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Without the setting no flag of any message is touched."""
    async with running(settings_for(tmp_path, [account(dovecot, dovecot_user)])) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, _FILED, _LEFT)
        await system.until_count("message.new", 2)
        async with system.storage.read() as uow:
            assert await uow.actions.counts() == {}
    async with logged_in(dovecot, dovecot_user) as client:
        assert not any(_KEYWORD in each for each in await flags(client, "INBOX"))


async def test_marked_whether_moved_or_not(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Also where it stays; a move takes the mark along, and nobody is told of a flag of ours."""
    routing = {"enabled": True, "mark_processed": True}
    folders = ["INBOX", "INBOX/Support"]
    settings = settings_for(
        tmp_path, [account(dovecot, dovecot_user, folders=folders)], routing=routing
    )
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, _FILED, _LEFT)
        await system.until_count("message.moved", 1)
        await _until_done(system, 2)
        async with logged_in(dovecot, dovecot_user) as client:
            for folder in folders:
                (found,) = await flags(client, folder)
                assert _KEYWORD in found
                assert "\\Seen" not in found
        messages = await system.messages()
        assert all(_KEYWORD in message.flags for message in messages)
        assert (await system.counts())["message.flags_changed"] == 0


async def test_marked_without_routing(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """Marking is a wish of its own: nothing need be moved for it."""
    settings = settings_for(
        tmp_path, [account(dovecot, dovecot_user)], routing={"mark_processed": True}
    )
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, _FILED)
        await _until_done(system, 1)
    async with logged_in(dovecot, dovecot_user) as client:
        assert [_KEYWORD in each for each in await flags(client, "INBOX")] == [True]


async def test_where_the_server_keeps_no_keywords(tmp_path: Path) -> None:
    """The database knows, nothing is asked of the server, and no action fails."""
    with without_keywords() as server:
        settings = settings_for(
            tmp_path, [account(server, "ada")], routing={"mark_processed": True}
        )
        async with running(settings) as system:
            await system.until_seen("INBOX")
            await append(server, "ada", _FILED)
            await _until_done(system, 1)
            (message,) = await system.messages()
            assert _KEYWORD not in message.flags
        async with logged_in(server, "ada") as client:
            assert [_KEYWORD in each for each in await flags(client, "INBOX")] == [False]


async def test_killed_before_the_mark(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """What is committed and not marked yet is marked after the next start, and told once."""
    config = written(
        tmp_path,
        {
            "data_dir": str(tmp_path / "data"),
            "accounts": [account(dovecot, dovecot_user)],
            "routing": {"mark_processed": True},
        },
    )
    storage = await Storage.open(
        f"sqlite:///{tmp_path / 'data' / 'sage.db'}", blob_dir=tmp_path / "data" / "blobs"
    )
    try:
        system = System(storage)
        async with Service(config, crash_at="after-commit").running() as service:
            await system.until_seen("INBOX")
            await append(dovecot, dovecot_user, _FILED)
            assert await service.ended() == -signal.SIGKILL
        async with logged_in(dovecot, dovecot_user) as client:
            assert [_KEYWORD in each for each in await flags(client, "INBOX")] == [False]
        async with Service(config).running() as service:
            await _until_done(system, 1)
            assert await service.stop() == 0
        async with logged_in(dovecot, dovecot_user) as client:
            assert [_KEYWORD in each for each in await flags(client, "INBOX")] == [True]
        assert (await system.counts())["message.new"] == 1
    finally:
        await storage.close()
