"""The whole real-time system on a real server: WebSocket, handlers and a push, each once."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from websockets.sync.client import connect

from sage_imap.services import IMAPClient
from sage_mail.patterns import CompleteRealTimeEmailSystem, EmailWebSocketServer
from tests.live.system import mail
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot
from tests.support.receiver import Answer, Receiver

pytestmark = [pytest.mark.live, needs_dovecot]


@pytest.fixture
def service() -> Iterator[Receiver]:
    """An ntfy server on a thread of its own."""
    made: list[Receiver] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with Receiver(default=Answer(body=b"{}")) as receiver:
            made.append(receiver)
            ready.set()
            await anyio.to_thread.run_sync(over.wait)

    thread = threading.Thread(target=anyio.run, args=(serve,))
    thread.start()
    assert ready.wait(10)
    yield made[0]
    over.set()
    thread.join(10)


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _deliver(config: dict[str, Any], *messages: bytes) -> None:
    with IMAPClient(config) as client:
        for message in messages:
            client.append("INBOX", message)


def test_everybody_hears_once(
    dovecot: Dovecot, dovecot_user: str, service: Receiver, tmp_path: Path
) -> None:
    """A handler that raises and one that blocks keep nobody else from hearing."""
    config = {
        "host": dovecot.host,
        "port": dovecot.port,
        "security": "plain",
        "username": dovecot_user,
        "password": PASSWORD,
        "own_domains": ["example.org"],
        "data_dir": str(tmp_path),
        "notifications": [
            {
                "name": "phone",
                "channel": "push",
                "url": f"ntfy://127.0.0.1:{service.port}/lamps",
                "title": "{{ topic }}: {{ subject }}",
            }
        ],
    }
    system = CompleteRealTimeEmailSystem(config)
    system.websocket_server = EmailWebSocketServer(port=0)
    told: queue.Queue[dict[str, Any]] = queue.Queue()
    held = threading.Event()
    system.add_notification_handler(lambda event: event["nothing"])
    system.add_notification_handler(lambda _: held.wait(60))
    system.add_notification_handler(told.put)
    system.start_system()
    try:
        _until(lambda: system.email_monitor._known is not None)
        with connect(f"ws://127.0.0.1:{system.websocket_server.port}") as client:
            _deliver(
                config,
                mail(1, subject="Help, the order is wrong"),
                mail(2, subject="URGENT: invoice"),
            )
            first, second = told.get(timeout=10), told.get(timeout=10)
            heard = [json.loads(client.recv(5)) for _ in range(2)]
        _until(lambda: len(service.requests) == 2)
    finally:
        began = time.monotonic()
        system.stop_system()
        assert time.monotonic() - began < 3
        held.set()

    assert (first["priority"], first["topic"], first["category"]) == (
        "medium",
        "support",
        "support",
    )
    assert first["notification_channels"] == ["websocket", "push", "email"]
    assert (second["priority"], second["topic"]) == ("high", "sales")
    assert second["notification_channels"] == ["websocket", "push", "email", "sms"]
    assert heard == [first, second]
    titles = [json.loads(request.body)["title"] for request in service.requests]
    assert sorted(titles) == ["sales: URGENT: invoice", "support: Help, the order is wrong"]


def test_own_domains_are_whole_domains() -> None:
    """A domain that ends like one's own is a stranger's."""
    system = CompleteRealTimeEmailSystem({"host": "h", "own_domains": ["@Example.org"]})
    event = {"subject": "Hello", "sender": "ann@EXAMPLE.org"}

    assert system.classify_priority(event) == "medium"
    assert system.classify_priority({**event, "sender": "ann@evil-example.org"}) == "low"
    assert system.classify_priority({**event, "sender": "ann@example.org.evil.com"}) == "low"
