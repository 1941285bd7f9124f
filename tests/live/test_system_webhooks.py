"""From a mail on a real server to its webhooks, and the verbs while the service runs."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sage_mail.cli import app
from sage_mail.records import DeliveryStatus
from sage_mail.storage import Storage
from tests.live.process import Service, written
from tests.live.system import SUPPORT, System, account, append, mail
from tests.support.dovecot import Dovecot, needs_dovecot
from tests.support.receiver import Answer, Receiver

pytestmark = [pytest.mark.live, needs_dovecot, pytest.mark.timeout(180)]

_SECRET = "a secret of the guide"


def _guide_signature(secret: str, payload: str) -> str:
    digest = hmac.new(secret.encode("utf-8"), payload.encode("utf-8"), hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def _config(folder: Path, url: str, watched: dict[str, Any], receiver: Receiver) -> Path:
    common = {"allow_private": True, "events": ["message.new"], "timeout": 5}
    return written(
        folder,
        {
            "data_dir": str(folder / "data"),
            "database": {"url": url},
            "accounts": [watched],
            "webhooks": [
                {
                    **common,
                    "name": "guided",
                    "url": f"http://127.0.0.1:{receiver.port}/guided",
                    "format": "guide",
                    "secret": _SECRET,
                    "categories": ["support"],
                    "filter": 'sender.endsWith("@example.org") && size > 10',
                },
                {**common, "name": "plain", "url": f"http://127.0.0.1:{receiver.port}/plain"},
            ],
        },
    )


async def _cli(config: Path, *arguments: str) -> str:
    texts = ["webhooks", *arguments, "--config", str(config)]
    result = await asyncio.to_thread(CliRunner().invoke, app, texts)
    assert result.exit_code == 0, result.output
    return result.output


def _to(receiver: Receiver, path: str) -> list[Any]:
    return [request for request in receiver.requests if request.path == path]


async def test_from_mail_to_webhook(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, database_url: str
) -> None:
    """Chosen by category and expression, with its content, redacted, signed; then once more."""
    async with Receiver() as receiver:
        config = _config(tmp_path, database_url, account(dovecot, dovecot_user), receiver)
        storage = await Storage.open(database_url, blob_dir=tmp_path / "data" / "blobs")
        system = System(storage)
        async with Service(config).running() as service:
            await system.until_seen("INBOX")
            body = f"{SUPPORT} My card is 4111 1111 1111 1111."
            await append(dovecot, dovecot_user, mail(1), mail(2, subject="Error: help", body=body))
            await receiver.received(3)
            (request,) = _to(receiver, "/guided")
            event = request.json()["event"]
            assert (event["category"], event["sender"]) == ("support", "ann@example.org")
            assert "My card is [REDACTED]." in event["email_content"]["plain_body"]
            assert event["email_content"]["headers"]["To"] == "me@example.net"
            signature = _guide_signature(_SECRET, request.body.decode())
            assert request.headers["x-signature"] == signature
            assert len(_to(receiver, "/plain")) == 2

            assert "2 will be delivered by the running service" in await _cli(
                config, "replay", "plain", "--from", "1"
            )
            requests = await receiver.received(5, timeout=30)
            ids = [each.headers["webhook-id"] for each in requests if each.path == "/plain"]
            assert sorted(ids[:2]) == sorted(ids[2:])
            assert "guided" in await _cli(config, "list")
            assert await service.stop() == 0
        await storage.close()


async def test_disabled_while_it_runs(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, database_url: str
) -> None:
    """After 410 deliveries wait, over a restart too, until somebody enables the endpoint."""
    async with Receiver(default=Answer(status=410)) as receiver:
        config = _config(tmp_path, database_url, account(dovecot, dovecot_user), receiver)
        storage = await Storage.open(database_url, blob_dir=tmp_path / "data" / "blobs")
        system = System(storage)
        async with Service(config).running() as service:
            await system.until_seen("INBOX")
            await append(dovecot, dovecot_user, mail(1))
            await system.until_count("endpoint.disabled", 1)
            await append(dovecot, dovecot_user, mail(2))
            await system.until_count("message.new", 2)
            assert await service.stop() == 0
        receiver.default = Answer()
        async with Service(config).running() as service:
            await append(dovecot, dovecot_user, mail(3))
            await system.until_count("message.new", 3)
            assert len(receiver.requests) == 1
            assert "disabled (gone)" in await _cli(config, "list")
            await _cli(config, "enable", "plain")
            await receiver.received(3, timeout=30)
            assert await service.stop() == 0
        async with storage.read() as uow:
            counts = (await uow.outbox.counts())["plain"]
        assert counts == {DeliveryStatus.FAILED: 1, DeliveryStatus.DELIVERED: 2}
        await storage.close()
