"""A process that is killed again and again while it delivers: nothing lost, ids and bodies stay."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from sage_mail.records import DeliveryStatus
from sage_mail.storage import Storage
from tests.sage_mail.delivery.draining import (
    announced,
    delivery_when,
    draining,
    endpoint_for,
    has_status,
)
from tests.support.receiver import Receiver

_COUNT = 120


async def _deliver_until_killed(
    database_url: str, blobs: Path, receiver: Receiver, count: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.sage_mail.delivery.draining_process"),
        *(database_url, str(blobs), receiver.url),
        cwd=Path(__file__).parents[3],
        stderr=asyncio.subprocess.DEVNULL,
    )
    await receiver.received(count, timeout=60)
    process.kill()
    assert await process.wait() == -signal.SIGKILL


async def test_killed_while_delivering(
    storage: Storage, database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    """Every delivery arrives under the id that it has in the store, each time the same body."""
    endpoint = endpoint_for(receiver, secret=None)
    sequences = await announced(storage, [endpoint], _COUNT)
    for count in (1, 17, 40, 80):
        await _deliver_until_killed(database_url, tmp_path / "blobs", receiver, count)
    async with draining(storage, endpoint):
        for seq in sequences:
            await delivery_when(storage, seq, has_status(DeliveryStatus.DELIVERED))
    bodies: dict[str, bytes] = {}
    for request in receiver.requests:
        assert bodies.setdefault(request.headers["webhook-id"], request.body) == request.body
    async with storage.read() as uow:
        stored = [(await uow.outbox.for_event(seq))[0].webhook_id for seq in sequences]
    assert sorted(bodies) == sorted(stored)
    # What was under way at each of the four kills may have come twice, and nothing else.
    assert len(receiver.requests) <= _COUNT + 4 * endpoint.concurrency
