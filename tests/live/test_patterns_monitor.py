"""The guide's monitor on a Dovecot: nothing is missed, nobody is harmed, the stop is prompt."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import connect

from sage_imap.errors import ConfigurationError
from sage_imap.services import IMAPClient, IMAPMailboxUIDService
from sage_mail.patterns import EmailWebSocketServer, RealTimeEmailMonitor
from tests.live.system import mail
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot
from tests.support.faultproxy import FaultProxy
from tests.support.guide import guide_class, needs_guide

pytestmark = [pytest.mark.live, needs_dovecot]

_ATTACHED = (
    b"From: Ann <ann@example.org>\r\nSubject: With a file\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHi\r\n--b\r\n"
    b"Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment\r\n\r\n"
    b"%PDF\r\n--b--\r\n"
)


def _config(server: Dovecot, user: str, **changes: Any) -> dict[str, Any]:
    return {
        "host": server.host,
        "port": server.port,
        "security": "plain",
        "username": user,
        "password": PASSWORD,
        **changes,
    }


@contextmanager
def _watching(monitor: RealTimeEmailMonitor) -> Iterator[queue.Queue[dict[str, Any]]]:
    """The monitor at work, after its first look."""
    monitor.start_idle_monitoring()
    try:
        _until_known(monitor)
        yield monitor.event_queue
    finally:
        monitor.stop_monitoring()
        assert monitor.monitor_thread is not None
        monitor.monitor_thread.join(10)


def _until_known(monitor: RealTimeEmailMonitor) -> None:
    deadline = time.monotonic() + 10
    while monitor._known is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _deliver(config: dict[str, Any], *messages: bytes) -> None:
    with IMAPClient(config) as client:
        for message in messages:
            client.append("INBOX", message)


@needs_guide
def test_mail_comes_and_goes(dovecot: Dovecot, dovecot_user: str) -> None:
    """Events have the guide's keys; callbacks, queue and WebSocket clients get each once."""
    config = _config(dovecot, dovecot_user)
    _deliver(config, mail(0))
    told: queue.Queue[dict[str, Any]] = queue.Queue()
    monitor = RealTimeEmailMonitor(config)
    monitor.add_callback(told.put)
    server = EmailWebSocketServer(port=0)
    server.start_server()
    monitor.websocket_server = server
    with _watching(monitor) as events, connect(f"ws://127.0.0.1:{server.port}") as client:
        _deliver(config, _ATTACHED, mail(2, subject="Grüße"))
        found = [events.get(timeout=20) for _ in range(2)]
        assert [event["subject"] for event in found] == ["With a file", "Grüße"]
        assert [event["has_attachments"] for event in found] == [True, False]
        assert [event["uid"] for event in found] == [2, 3]
        assert found[0]["sender"] == "ann@example.org"
        assert found[0]["size"] == len(_ATTACHED)
        assert abs(found[0]["timestamp"] - time.time()) < 60
        with IMAPClient(config) as other:
            other.select("INBOX")
            seen = other.search("SEEN")
            assert seen.is_empty()
            gone = other.search("UID 2")
            other.store(gone, ["\\Deleted"])
            other.expunge(gone)
        found.append(events.get(timeout=20))
        assert (found[2]["type"], found[2]["uid"]) == ("message_deleted", 2)
        assert [told.get(timeout=20) for _ in range(3)] == found
        assert [json.loads(client.recv(20)) for _ in range(3)] == found
    server.stop_server()
    guide = guide_class("RealTimeEmailMonitor")
    assert guide is not None
    for event, method in ((found[0], "handle_new_messages"), (found[2], "handle_deleted_messages")):
        assert [frozenset(event)] == list(guide.methods[method].events)
    assert events.empty()


def test_a_callback_that_blocks_or_raises(dovecot: Dovecot, dovecot_user: str) -> None:
    """Others hear of mail all the same, and the stop does not wait for it."""
    config = _config(dovecot, dovecot_user)
    held, told = threading.Event(), queue.Queue[dict[str, Any]]()
    monitor = RealTimeEmailMonitor(config)
    monitor.add_callback(lambda _: held.wait(60))
    monitor.add_callback(lambda event: event["nothing"])
    monitor.add_callback(told.put)
    with _watching(monitor):
        for number in range(3):
            _deliver(config, mail(number))
            assert told.get(timeout=20)["subject"] == f"Message {number}"
        _stops_at_once(monitor)
    held.set()


def _stops_at_once(monitor: RealTimeEmailMonitor) -> None:
    began = time.monotonic()
    monitor.stop_monitoring()
    assert time.monotonic() - began < 8
    assert not monitor.is_monitoring


def test_mail_that_comes_while_the_link_is_down(dovecot: Dovecot, dovecot_user: str) -> None:
    """After a reconnect the inbox is compared, so what came and went meanwhile is told."""
    direct = _config(dovecot, dovecot_user)
    _deliver(direct, mail(1))
    with FaultProxy(dovecot.host, dovecot.port) as proxy:
        monitor = RealTimeEmailMonitor(_config(dovecot, dovecot_user, port=proxy.port))
        with _watching(monitor) as events:
            for number in range(2, 5):
                proxy.reset()
                _deliver(direct, mail(number))
                event = events.get(timeout=20)
                assert event["subject"] == f"Message {number}"
            with IMAPClient(direct) as other:
                other.select("INBOX")
                proxy.reset()
                gone = other.search("UID 1")
                other.store(gone, ["\\Deleted"])
                other.expunge(gone)
            assert events.get(timeout=20)["type"] == "message_deleted"
        assert events.empty()


def test_a_flood_is_told_once_each(dovecot: Dovecot, dovecot_user: str) -> None:
    """Mail that comes between one IDLE and the next, while others are being told, is not missed."""
    config = _config(dovecot, dovecot_user)
    monitor = RealTimeEmailMonitor(config)
    with _watching(monitor) as events:
        for start in range(0, 200, 40):
            _deliver(config, *(mail(number) for number in range(start, start + 40)))
        found = [events.get(timeout=20)["subject"] for _ in range(200)]
        assert found == [f"Message {number}" for number in range(200)]
    assert events.empty()


def test_a_stop_in_the_middle_of_silence(dovecot: Dovecot, dovecot_user: str) -> None:
    """A server that does not answer any more does not delay the stop, nor a new start."""
    with FaultProxy(dovecot.host, dovecot.port) as proxy:
        config = _config(dovecot, dovecot_user, port=proxy.port)
        monitor = RealTimeEmailMonitor(config)
        with _watching(monitor):
            with pytest.raises(RuntimeError, match="watched already"):
                monitor.start_idle_monitoring()
            proxy.deafen()
            _stops_at_once(monitor)
            proxy.wait_until(lambda proxy: proxy.open == 0)
            monitor.start_idle_monitoring()  # to a server that never greets
            proxy.wait_until(lambda proxy: proxy.open == 1)
            _stops_at_once(monitor)


def test_what_has_been_told_is_not_told_again(dovecot: Dovecot, dovecot_user: str) -> None:
    """A link that breaks in the middle of new mail costs nobody an event, nor doubles one."""
    direct = _config(dovecot, dovecot_user)
    with FaultProxy(dovecot.host, dovecot.port) as proxy:
        monitor = RealTimeEmailMonitor(_config(dovecot, dovecot_user, port=proxy.port))
        calls = []
        whole = monitor.handle_new_messages

        def broken(service: IMAPMailboxUIDService, uids: list[int]) -> None:
            calls.append(len(uids))
            if len(calls) == 1:
                whole(service, uids[:1])
                proxy.reset()
            whole(service, uids)

        monitor.handle_new_messages = broken  # type: ignore[method-assign,assignment]  # as a user may
        with _watching(monitor) as events:
            proxy.reset()
            _deliver(direct, mail(1), mail(2), mail(3))
            found = [events.get(timeout=20)["uid"] for _ in range(3)]
        assert found == [1, 2, 3]
        assert events.empty()


def test_a_wrong_configuration_is_told_at_once() -> None:
    """What cannot be used is an error of the start and not of a thread that nobody hears."""
    monitor = RealTimeEmailMonitor({"username": "ada"})
    with pytest.raises(ConfigurationError, match="host is missing"):
        monitor.start_idle_monitoring()
    assert not monitor.is_monitoring
