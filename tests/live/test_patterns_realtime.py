"""The guide's whole system on a Dovecot: one mail, and everybody hears of it."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from sage_imap.services import IMAPClient
from sage_mail.locking import AlreadyRunning
from sage_mail.patterns import CompleteRealTimeEmailSystem, EmailWebSocketServer
from tests.live.system import mail
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot
from tests.support.receiver import Answer, Receiver

pytestmark = [pytest.mark.live, needs_dovecot]


def _config(server: Dovecot, user: str, **changes: Any) -> dict[str, Any]:
    return {
        "host": server.host,
        "port": server.port,
        "security": "plain",
        "username": user,
        "password": PASSWORD,
        **changes,
    }


def _push(port: int) -> dict[str, Any]:
    url = f"ntfy://127.0.0.1:{port}/mail"
    return {"name": "phone", "channel": "push", "url": url, "title": "{{ subject }}"}


class _Watched(CompleteRealTimeEmailSystem):
    """It says when it has handed on an event."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.handed_on = threading.Event()

    def send_platform_notifications(self, event: dict[str, Any]) -> None:
        """Do it, then say so."""
        super().send_platform_notifications(event)
        self.handed_on.set()


@contextmanager
def _running(config: dict[str, Any]) -> Iterator[_Watched]:
    system = _Watched(config)
    system.websocket_server = EmailWebSocketServer(port=0)
    system.start_system()
    try:
        deadline = time.monotonic() + 10
        while system.email_monitor._known is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield system
    finally:
        system.stop_system()
        thread = system.email_monitor.monitor_thread
        assert thread is not None
        thread.join(10)


def _deliver(config: dict[str, Any], *messages: bytes) -> None:
    with IMAPClient(config) as client:
        for message in messages:
            client.append("INBOX", message)


async def test_everybody_hears_of_it(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """A WebSocket client, a handler and a telephone are told once each; who raises or blocks harms
    nobody, and what is not urgent does not ring.
    """
    async with Receiver(default=Answer(body=b"{}")) as receiver:
        config = _config(
            dovecot,
            dovecot_user,
            data_dir=str(tmp_path),
            own_domains=["example.net"],
            notifications=[_push(receiver.port)],
        )
        with _running(config) as system:
            events, told = await asyncio.to_thread(_hear, system, config)
            (request,) = await receiver.received(1)

    assert events == told
    assert [event["subject"] for event in events] == ["Message 1", "URGENT: the lamp"]
    assert events[0]["notification_channels"] == ["websocket"]
    assert (events[1]["priority"], events[1]["category"]) == ("high", "general")
    assert json.loads(request.body)["title"] == "URGENT: the lamp"
    assert len(receiver.requests) == 1


async def test_what_was_not_sent_is_sent_after_the_next_start(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """A telephone that could not be reached hears of the mail from the next run, once."""
    async with Receiver() as away:
        port = away.port
    config = _config(dovecot, dovecot_user, data_dir=str(tmp_path), notifications=[_push(port)])
    with _running(config) as system:
        await asyncio.to_thread(_deliver, config, mail(1, subject="URGENT: the lamp"))
        assert await asyncio.to_thread(system.handed_on.wait, 10)
        second = CompleteRealTimeEmailSystem(config)
        second.websocket_server = EmailWebSocketServer(port=0)
        with pytest.raises(AlreadyRunning):
            second.start_system()
    async with Receiver(default=Answer(body=b"{}"), port=port) as receiver:
        with _running(config):
            (request,) = await receiver.received(1, timeout=30)
    assert json.loads(request.body)["title"] == "URGENT: the lamp"


def _hear(
    system: CompleteRealTimeEmailSystem, config: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Both events, as told to a handler that comes after two bad ones, and by WebSocket."""
    heard: queue.Queue[dict[str, Any]] = queue.Queue()
    release = threading.Event()
    for handler in (_fail, lambda _event: release.wait(30), heard.put):
        system.add_notification_handler(handler)
    with connect(f"ws://localhost:{system.websocket_server.port}") as client:
        _deliver(config, mail(1), mail(2, subject="URGENT: the lamp"))
        events = [heard.get(timeout=10) for _ in range(2)]
        told = [json.loads(client.recv(timeout=10)) for _ in range(2)]
    release.set()
    return events, told


def _fail(_event: dict[str, Any]) -> None:
    raise ValueError("no")
