"""Killed at any point, the service loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sage_imap.models.message import MessageSet
from sage_mail.records import ActionKind, ActionStatus, DeliveryStatus
from sage_mail.storage import Storage
from tests.live.process import Service, written
from tests.live.system import SUPPORT, System, account, append, logged_in, mail, uids
from tests.support.dovecot import Dovecot, needs_dovecot
from tests.support.receiver import Receiver

pytestmark = [pytest.mark.live, needs_dovecot, pytest.mark.timeout(180)]

_FILED, _LEFT = 12, 6


def _config(
    folder: Path, url: str, dovecot: Dovecot, user: str, receiver: Receiver, **changes: Any
) -> Path:
    return written(
        folder,
        {
            "data_dir": str(folder / "data"),
            "database": {"url": url},
            "accounts": [account(dovecot, user, folders=["INBOX", "INBOX/Support"])],
            "routing": {"enabled": True, "mark_seen": True},
            "webhooks": [
                {"name": "hook", "url": receiver.url, "allow_private": True, "timeout": 5}
            ],
            **changes,
        },
    )


@asynccontextmanager
async def _system(folder: Path, url: str) -> AsyncIterator[System]:
    """A look into the database of the service."""
    storage = await Storage.open(url, blob_dir=folder / "data" / "blobs")
    try:
        yield System(storage)
    finally:
        await storage.close()


def _messages() -> list[bytes]:
    filed = [mail(n, subject=f"Error {n}: help", body=SUPPORT) for n in range(_FILED)]
    left = [mail(100 + n, subject="Lunch?") for n in range(_LEFT)]
    mixed = [*filed, *left]
    random.Random(7).shuffle(mixed)
    return mixed


async def _settled(system: System) -> None:
    """Wait until nothing is left to be done."""
    async with asyncio.timeout(60):
        while True:
            # First what comes first: the actions are planned in the commit that has the event.
            new = await system.events("message.new")
            async with system.storage.read() as uow:
                actions = await uow.actions.counts()
                deliveries = await uow.outbox.counts()
            planned = sum(n for (_, status), n in actions.items() if status is ActionStatus.PLANNED)
            pending = deliveries.get("hook", {}).get(DeliveryStatus.PENDING, 0)
            if len(new) >= _FILED + _LEFT and not planned and not pending:
                return
            await asyncio.sleep(0.1)


async def _check(system: System, dovecot: Dovecot, user: str, receiver: Receiver) -> None:
    """Everything is stored, announced, filed and delivered, and nothing twice."""
    total = _FILED + _LEFT
    counts = await system.counts()
    assert (counts["message.new"], counts["message.moved"]) == (total, _FILED)
    assert counts["message.deleted"] == counts["message.failed"] == 0
    assert counts["message.flags_changed"] == 0
    messages = await system.messages()
    assert len({message.message_id_header for message in messages}) == len(messages) == total
    async with system.storage.read() as uow:
        actions = await uow.actions.counts()
    assert actions == {
        (ActionKind.MOVE, ActionStatus.DONE): _FILED,
        (ActionKind.ADD_FLAGS, ActionStatus.DONE): _FILED,
    }
    places = Counter((message.mailbox, message.uid) for message in messages)
    async with logged_in(dovecot, user) as client:
        server = Counter(
            [("INBOX", uid) for uid in await uids(client, "INBOX")]
            + [("INBOX/Support", uid) for uid in await uids(client, "INBOX/Support")]
        )
    assert places == server
    bodies: dict[str, bytes] = {}
    for request in receiver.requests:
        assert bodies.setdefault(request.headers["webhook-id"], request.body) == request.body
    assert len(bodies) == sum(counts.values())


@pytest.mark.parametrize(
    "point",
    ["before-commit", "after-commit", "after-move", "after-move:2", "after-post:2", "after-post:9"],
)
async def test_killed_at_a_named_point(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, database_url: str, point: str
) -> None:
    """SIGKILL at a point of the main job: the next start finishes what was begun."""
    async with Receiver() as receiver:
        config = _config(tmp_path, database_url, dovecot, dovecot_user, receiver)
        await append(dovecot, dovecot_user, mail(999, subject="old"))
        async with _system(tmp_path, database_url) as system:
            async with Service(config, crash_at=point).running() as service:
                await system.until_seen("INBOX")
                first, rest = _messages()[:9], _messages()[9:]
                await append(dovecot, dovecot_user, *first)
                if point == "after-move:2":
                    await system.until_count(
                        "message.moved", sum(SUPPORT.encode() in m for m in first)
                    )
                await append(dovecot, dovecot_user, *rest)
                assert await service.ended() == -signal.SIGKILL
            async with logged_in(dovecot, dovecot_user) as client:
                await uids(client, "INBOX")
                await client.store(MessageSet([1]), ["\\Deleted"])
                await client.expunge(MessageSet([1]))
            async with Service(config).running() as service:
                await _settled(system)
                assert await service.stop() == 0
            await _check(system, dovecot, dovecot_user, receiver)


@pytest.mark.parametrize("seed", range(3))
async def test_killed_at_random_moments(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, database_url: str, seed: int
) -> None:
    """SIGKILL again and again while mail arrives: in the end nothing is lost or doubled."""
    chance = random.Random(seed)
    messages = _messages()
    async with Receiver() as receiver:
        config = _config(tmp_path, database_url, dovecot, dovecot_user, receiver)
        async with _system(tmp_path, database_url) as system:
            async with Service(config).running():
                await system.until_seen("INBOX")
            while messages:
                async with Service(config).running():
                    await asyncio.sleep(chance.uniform(0.8, 1.5))
                    for _ in range(chance.randint(2, 5)):
                        if messages:
                            await append(dovecot, dovecot_user, messages.pop())
                    await asyncio.sleep(chance.uniform(0.0, 0.3))
            async with Service(config).running() as service:
                await _settled(system)
                assert await service.stop() == 0
            await _check(system, dovecot, dovecot_user, receiver)
