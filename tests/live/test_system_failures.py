"""Dead letters and their retries, a clean stop, one process a store."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from sage_imap.models.email import EmailMessage
from sage_mail.locking import AlreadyRunning
from sage_mail.pipeline import Context, Decision, Pipeline
from sage_mail.records import DeliveryStatus
from sage_mail.runtime import Runtime
from sage_mail.storage import Storage
from tests.live.process import Service, written
from tests.live.relay import Relay
from tests.live.system import System, account, append, mail, running, settings_for
from tests.support.dovecot import Dovecot, needs_dovecot
from tests.support.receiver import Answer, Receiver

pytestmark = [pytest.mark.live, needs_dovecot]


class _Stumbling(Pipeline):
    """A pipeline with a bug that shows at some subjects."""

    def __init__(self) -> None:
        super().__init__([])
        self.broken = True

    def decide(self, message: EmailMessage, context: Context | None = None) -> Decision:
        if self.broken and "bad" in message.subject:
            raise ZeroDivisionError
        return super().decide(message, context)


async def test_bad_message_becomes_a_dead_letter_and_can_be_retried(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """One bad message costs the others nothing, and is handled once its cause is mended."""
    pipeline = _Stumbling()
    settings = settings_for(tmp_path, [account(dovecot, dovecot_user)])
    async with Runtime(settings, pipeline=pipeline, grace=0.5) as runtime:
        system = System(runtime.storage)
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, mail(1), mail(2, subject="bad"), mail(3))
        await system.until_count("message.new", 2)
        failed = await system.until_count("message.failed", 1)
        async with system.storage.read() as uow:
            letter = (await uow.dead_letters.list())[0]
        assert failed[0].data["dead_letter"] == letter.id
        assert (letter.stage, letter.uid) == ("pipeline", 2)
        assert letter.content_hash is not None
        assert b"bad" in await system.storage.blobs.read(letter.content_hash)

        await _request_retry(system, letter.id)
        await system.until_count("message.failed", 2)
        pipeline.broken = False
        await _request_retry(system, letter.id)
        new = await system.until_count("message.new", 3)
        assert new[2].data["subject"] == "bad"
        async with system.storage.read() as uow:
            assert await uow.dead_letters.list() == []
            resolved = await uow.dead_letters.list(resolved=True)
        assert resolved[0].retries == 1
        await append(dovecot, dovecot_user, mail(4))
        await system.until_count("message.new", 4)
        assert (await system.counts())["message.failed"] == 2


async def test_retry_of_what_breaks_the_connection(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """A message that is no IMAP on the wire is given up again at a retry, and handled once it is.

    The retry must not break the connection for ever.
    """
    async with Relay(dovecot.port).open() as relay:
        relay.garble = (b"BODY[] {", b"BODY[] {99999999999999")
        link = account(dovecot, dovecot_user, port=relay.port)
        async with running(settings_for(tmp_path, [link])) as system:
            await system.until_seen("INBOX")
            await append(dovecot, dovecot_user, mail(1))
            await system.until_count("message.failed", 1, seconds=40)
            async with system.storage.read() as uow:
                letter = (await uow.dead_letters.list())[0]
            assert letter.stage == "fetch"
            await _request_retry(system, letter.id)
            await system.until_count("message.failed", 2, seconds=40)
            relay.garble = None
            await _request_retry(system, letter.id)
            await system.until_count("message.new", 1, seconds=40)
            assert (await system.counts())["message.failed"] == 2


async def _request_retry(system: System, letter_id: int) -> None:
    from datetime import UTC, datetime

    async with system.storage.unit_of_work() as uow:
        assert await uow.dead_letters.request_retry(letter_id, datetime.now(UTC))
        await uow.commit()


async def test_second_process_is_turned_away(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Two runtimes never share a store; the first is not disturbed."""
    settings = settings_for(tmp_path, [account(dovecot, dovecot_user)])
    async with running(settings) as system:
        with pytest.raises(AlreadyRunning, match="stop it first"):
            async with Runtime(settings):
                raise AssertionError
        await system.until_seen("INBOX")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stop_while_an_endpoint_hangs(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, number: signal.Signals
) -> None:
    """A signal ends the service with exit code 0 in under ten seconds; the next start resumes."""
    url = f"sqlite:///{tmp_path / 'sage.db'}"
    async with Receiver(default=Answer(hang=True)) as receiver:
        config = written(
            tmp_path,
            {
                "data_dir": str(tmp_path / "data"),
                "database": {"url": url},
                "accounts": [account(dovecot, dovecot_user)],
                "webhooks": [{"name": "hook", "url": receiver.url, "allow_private": True}],
            },
        )
        storage = await Storage.open(url, blob_dir=tmp_path / "data" / "blobs")
        system = System(storage)
        async with Service(config).running() as service:
            await system.until_seen("INBOX")
            await append(dovecot, dovecot_user, *(mail(n) for n in range(60)))
            await system.until_count("message.new", 1)
            await receiver.received(1)
            began = time.monotonic()
            assert await service.stop(number) == 0
            assert time.monotonic() - began < 10
        receiver.default = Answer()
        async with Service(config).running() as service:
            await system.until_count("message.new", 60)
            async with asyncio.timeout(30):
                while True:
                    async with storage.read() as uow:
                        counts = (await uow.outbox.counts())["hook"]
                    if counts == {DeliveryStatus.DELIVERED: 61}:
                        break
                    await asyncio.sleep(0.1)
            assert await service.stop(number) == 0
        await storage.close()
