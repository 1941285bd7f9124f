"""A backlog is taken in portion by portion, ahead of the commits, and still once each."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from sage_mail.storage import Storage
from tests.live.process import Service, written
from tests.live.system import System, account, append, mail
from tests.support.dovecot import Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot, pytest.mark.timeout(180)]

_COUNT = 700


@pytest.mark.parametrize("point", ["before-commit:2", "after-commit:3", None])
async def test_a_backlog_is_taken_in_once(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, point: str | None
) -> None:
    """Killed in the middle or not: every message is stored and told once, in its order."""
    config = written(
        tmp_path,
        {
            "data_dir": str(tmp_path / "data"),
            "accounts": [account(dovecot, dovecot_user, initial="all")],
        },
    )
    await append(dovecot, dovecot_user, *(mail(number) for number in range(_COUNT)))
    url = f"sqlite:///{tmp_path / 'data' / 'sage.db'}"
    storage = await Storage.open(url, blob_dir=tmp_path / "data" / "blobs")
    try:
        if point is not None:
            async with Service(config, crash_at=point).running() as service:
                assert await service.ended() == -signal.SIGKILL
        async with Service(config).running() as service:
            system = System(storage)
            told = await system.until_count("message.new", _COUNT, seconds=60)
            assert await service.stop() == 0
        assert [event.data["uid"] for event in told] == list(range(1, _COUNT + 1))
        messages = await system.messages()
        assert [message.uid for message in messages] == list(range(1, _COUNT + 1))
        for message in (messages[0], messages[-1]):
            assert await storage.blobs.exists(message.content_hash)
    finally:
        await storage.close()
