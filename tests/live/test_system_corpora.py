"""Real mail, broken mail included: each message is stored once, announced once and filed."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from sage_imap.errors import CommandRejected
from sage_imap.models.address import EmailAddress
from sage_imap.models.email import EmailMessage
from sage_mail.records import ActionKind, ActionStatus, DeliveryStatus, MessageRecord
from sage_mail.storage import Storage
from tests.live.process import Service, written
from tests.live.system import System, account, logged_in, mail, running, settings_for, uids
from tests.support.corpora import needs_corpora, real_mails
from tests.support.dovecot import Dovecot, needs_dovecot
from tests.support.reading import UNEXPLAINED, differences, our_reading, standard_reading
from tests.support.receiver import Receiver

pytestmark = [pytest.mark.live, pytest.mark.corpora, needs_dovecot, needs_corpora]

_COUNT = 600
_POINTS = ["before-commit:2", "after-commit:2", "after-move:2", "after-post:5"]
_FOLDERS = ["Support", "Sales", "Marketing", "Spam", "Newsletter", "Urgent"]


@pytest.mark.timeout(400)
async def test_real_mail(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, database_url: str
) -> None:
    """600 real mails arrive while the system files and watches all folders."""
    folders = ["INBOX", *(f"INBOX/{name}" for name in _FOLDERS)]
    settings = settings_for(
        tmp_path,
        [account(dovecot, dovecot_user, folders=folders)],
        database={"url": database_url},
        routing={"enabled": True, "mark_seen": True},
    )
    async with running(settings) as system:
        await system.until_seen("INBOX")
        taken = await _deliver(dovecot, dovecot_user)
        await _settled(system, taken)
        await asyncio.sleep(3)  # long enough for what must not come
        counts = await system.counts()
        messages = await system.messages()
        async with system.storage.read() as uow:
            dead = await uow.dead_letters.list()
            actions = await uow.actions.counts()
        assert counts["message.new"] == len(messages) == taken - len(dead)
        assert counts["message.failed"] == len(dead)
        assert all(letter.reason for letter in dead)
        assert counts["message.deleted"] == counts["message.flags_changed"] == 0
        moves = sum(n for (kind, _), n in actions.items() if kind is ActionKind.MOVE)
        assert actions.get((ActionKind.MOVE, ActionStatus.DONE), 0) == moves
        assert counts["message.moved"] == moves
        for message in messages:
            target = message.decision.details["target_folder"]
            assert message.mailbox == (target or "INBOX")
        await _compare(system, dovecot, dovecot_user, folders, messages, len(dead))


@pytest.mark.timeout(400)
async def test_real_mail_through_kills(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, database_url: str
) -> None:
    """SIGKILL at each named point and at ten random moments: nothing is lost, nothing doubled."""
    chance = random.Random(10)
    folders = ["INBOX", *(f"INBOX/{name}" for name in _FOLDERS)]
    async with Receiver() as receiver:
        config = written(
            tmp_path,
            {
                "data_dir": str(tmp_path / "data"),
                "database": {"url": database_url},
                "accounts": [account(dovecot, dovecot_user, folders=folders)],
                "routing": {"enabled": True, "mark_seen": True},
                "webhooks": [
                    {"name": "hook", "url": receiver.url, "allow_private": True, "timeout": 5}
                ],
            },
        )
        storage = await Storage.open(database_url, blob_dir=tmp_path / "data" / "blobs")
        system = System(storage)
        async with Service(config).running():
            await system.until_seen("INBOX")
        delivering = asyncio.create_task(_deliver(dovecot, dovecot_user))
        for point in _POINTS:
            async with Service(config, crash_at=point).running() as service:
                assert await service.ended(seconds=90) == -signal.SIGKILL
        for _ in range(10):
            async with Service(config).running():
                await asyncio.sleep(chance.uniform(0.8, 2.0))
        taken = await delivering
        async with Service(config).running() as service:
            await _settled(system, taken)
            assert await service.stop() == 0
        await _check_books(system, receiver, taken)
        messages = await system.messages()
        await _compare(system, dovecot, dovecot_user, folders, messages, taken - len(messages))
        await storage.close()


async def _check_books(system: System, receiver: Receiver, taken: int) -> None:
    """One event a mail and a move, and one body for each delivery however often it was sent."""
    counts = await system.counts()
    async with system.storage.read() as uow:
        dead = await uow.dead_letters.count()
        actions = await uow.actions.counts()
    assert counts["message.new"] == len(await system.messages()) == taken - dead
    assert counts["message.deleted"] == counts["message.flags_changed"] == 0
    assert counts["message.moved"] == actions.get((ActionKind.MOVE, ActionStatus.DONE), 0)
    bodies: dict[str, bytes] = {}
    for request in receiver.requests:
        assert bodies.setdefault(request.headers["webhook-id"], request.body) == request.body
    assert len(bodies) == sum(counts.values())


async def _deliver(dovecot: Dovecot, user: str) -> int:
    """Append the mails, and put one with NUL into the Maildir, as no APPEND can."""
    taken = 0
    async with logged_in(dovecot, user) as client:
        for _, raw in real_mails(_COUNT):
            try:
                await client.append("INBOX", raw.replace(b"\0", b"\x80") or b"\r\n")
            except CommandRejected:
                continue
            taken += 1
    inbox = dovecot.maildir(user) / ".INBOX" / "new"
    nul = inbox.parent / "tmp" / "1700000000.M1P1.nul"
    nul.write_bytes(mail(1, subject="with \0 in it", body="and \0 here").replace(b"\r\n", b"\n"))
    shutil.chown(nul, *_owner(inbox))
    nul.rename(inbox / nul.name)
    return taken + 1


def _owner(path: Path) -> tuple[str, str]:
    return path.owner(), path.group()


async def _settled(system: System, taken: int) -> None:
    async with asyncio.timeout(240):
        while True:
            counts = await system.counts()
            async with system.storage.read() as uow:
                actions = await uow.actions.counts()
                outbox = await uow.outbox.counts()
            left = sum(n for (_, status), n in actions.items() if status is ActionStatus.PLANNED)
            left += sum(each.get(DeliveryStatus.PENDING, 0) for each in outbox.values())
            if counts["message.new"] + counts["message.failed"] >= taken and not left:
                return
            await asyncio.sleep(0.2)


async def _compare(
    system: System,
    dovecot: Dovecot,
    user: str,
    folders: list[str],
    messages: list[MessageRecord],
    dead: int,
) -> None:
    """Compare places with the server, and what is stored with the reading of what is kept."""
    places = Counter((message.mailbox, message.uid) for message in messages)
    assert max(places.values()) == 1
    async with logged_in(dovecot, user) as client:
        on_server = Counter[tuple[str, int | None]]()
        for listed in await client.list():
            if listed.name in folders:
                on_server.update((listed.name, uid) for uid in await uids(client, listed.name))
    assert not places - on_server
    assert sum((on_server - places).values()) == dead
    unexplained: list[tuple[int, str]] = []
    for message in messages:
        raw = await system.storage.blobs.read(message.content_hash)
        reading = EmailMessage.from_bytes(raw)
        async with system.storage.read() as uow:
            content = await uow.messages.content(message.id)
            attachments = await uow.messages.attachments(message.id)
        assert content is not None
        assert content.plain == _storable(reading.plain_body)
        assert content.html == _storable(reading.html_body)
        assert message.subject == _storable(reading.subject)
        assert message.from_address == _stored(reading.from_address)
        assert message.to_addresses == tuple(map(_stored, reading.to_addresses))
        assert message.cc_addresses == tuple(map(_stored, reading.cc_addresses))
        assert message.date == reading.date
        unexplained += [
            (message.id, field)
            for field, reason in differences(our_reading(raw), standard_reading(raw))
            if reason == UNEXPLAINED
        ]
        assert [a.sha256 for a in attachments] == [a.sha256 for a in reading.attachments]
        for attachment in attachments:
            assert await system.storage.blobs.exists(attachment.sha256)
    # Where the standard library reads something else, `tests.support.reading` says why ours is
    # right.
    assert unexplained == []


def _stored(address: EmailAddress | None) -> EmailAddress | None:
    if address is None:
        return None
    return EmailAddress(
        _storable(address.name), _storable(address.mailbox), _storable(address.host)
    )


def _storable(text: str) -> str:
    return "".join("\ufffd" if ch == "\0" or "\ud800" <= ch <= "\udfff" else ch for ch in text)
