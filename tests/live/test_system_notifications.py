"""From a mail on a real server to the telephones and mailboxes of people."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sage_mail.records import DeliveryRecord, DeliveryStatus
from tests.live.system import System, account, append, mail, running, settings_for
from tests.support.dovecot import Dovecot, needs_dovecot
from tests.support.receiver import Answer, Receiver
from tests.support.smtp import mail_server

pytestmark = [pytest.mark.live, needs_dovecot, pytest.mark.timeout(120)]

_OK = Answer(body=b"{}")
_SENT = Answer(body=b'{"result": [{"status": "ok"}]}')


def _push(receiver: Receiver, **changes: Any) -> dict[str, Any]:
    url = f"ntfy://127.0.0.1:{receiver.port}/mail"
    return {"name": "phone", "channel": "push", "url": url, **changes}


async def _deliveries(system: System) -> list[DeliveryRecord]:
    async with system.storage.read() as uow:
        return await uow.outbox.latest(100)


async def _delivered(system: System, count: int) -> list[DeliveryRecord]:
    """All deliveries, once so many have gone out."""
    found: list[DeliveryRecord] = []
    async with system.storage.commits.subscribe() as wakeups:
        while sum(each.status is DeliveryStatus.DELIVERED for each in found) < count:
            await wakeups.wait(0.1)
            found = await _deliveries(system)
    return found


async def test_each_channel_hears_what_it_wants(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Ordinary mail comes as a push, what is urgent as an SMS and an e-mail too, all of it once."""
    async with Receiver(default=_OK) as receiver, Receiver(default=_SENT) as gateway:
        with mail_server() as mailbox:
            sms = f"smseagle://token@127.0.0.1:{gateway.port}/15551234567"
            smtp = f"mailto://127.0.0.1:{mailbox.port}?from=sage@example.org&to=ann@example.org"
            channels = [
                _push(receiver),
                {"name": "gateway", "channel": "sms", "url": sms},
                {"name": "letters", "channel": "email", "url": smtp, "priorities": ["high"]},
            ]
            settings = settings_for(
                tmp_path, [account(dovecot, dovecot_user)], notifications=channels
            )
            async with running(settings) as system:
                await system.until_seen("INBOX")
                urgent = mail(2, subject="URGENT: the lamp is on fire")
                await append(dovecot, dovecot_user, mail(1), urgent)
                await system.until_count("message.new", 2)
                found = await _delivered(system, 4)

    assert Counter(each.endpoint for each in found) == {"phone": 2, "gateway": 1, "letters": 1}
    titles = [json.loads(request.body)["title"] for request in receiver.requests]
    assert titles == ["Ann: Message 1", "Ann: URGENT: the lamp is on fire"]
    (request,) = gateway.requests
    assert "URGENT: the lamp" in request.body.decode()
    (message,) = mailbox.messages
    assert message["Subject"] == titles[1]


async def test_a_service_that_is_down(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """While nobody listens it is tried again; when somebody does there is one push, and one only
    after a restart too.
    """
    async with Receiver() as away:
        port = away.port
    channel = _push(away, priorities=["high", "medium", "low"])
    settings = settings_for(tmp_path, [account(dovecot, dovecot_user)], notifications=[channel])
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, mail(1))
        async with system.storage.commits.subscribe() as wakeups:
            while not any(each.attempts for each in await _deliveries(system)):
                await wakeups.wait(0.1)
        (tried,) = await _deliveries(system)
        assert tried.last_error == "the service cannot be reached"
        async with Receiver(default=_OK, port=port) as receiver:
            await receiver.received(1, timeout=30)
            (delivery,) = await _delivered(system, 1)
    assert delivery.attempts == 2
    async with Receiver(default=_OK, port=port) as again, running(settings) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, mail(2))
        await _delivered(system, 2)
    assert [len(each.requests) for each in (receiver, again)] == [1, 1]
    assert json.loads(again.requests[0].body)["title"] == "Ann: Message 2"
