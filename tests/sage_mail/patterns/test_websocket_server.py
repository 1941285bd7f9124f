"""The guide's WebSocket server with real clients."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from sage_mail.patterns import EmailWebSocketServer


@contextmanager
def _started(**options: Any) -> Iterator[EmailWebSocketServer]:
    server = EmailWebSocketServer(**{"port": 0} | options)
    server.start_server()
    try:
        yield server
    finally:
        server.stop_server()


def _address(server: EmailWebSocketServer) -> str:
    return f"ws://127.0.0.1:{server.port}/"


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_all_clients_are_told() -> None:
    """An event reaches every client as it is; a client that goes is forgotten."""
    with _started() as server, connect(_address(server)) as one:
        with connect(_address(server)) as two:
            _until(lambda: len(server.clients) == 2)
            server.send_notification({"type": "new_message", "subject": "Grüße"})
            for client in (one, two):
                assert json.loads(client.recv(20)) == {"type": "new_message", "subject": "Grüße"}
        _until(lambda: len(server.clients) == 1)
        server.send_notification({"uid": 2})
        assert json.loads(one.recv(20)) == {"uid": 2}
        assert isinstance(server.server_thread, threading.Thread)


def test_a_port_in_use_is_told() -> None:
    """The start says that it failed, and may be tried again."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        server = EmailWebSocketServer(port=other.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            server.start_server()
        assert server.server is None
    server.start_server()
    with pytest.raises(RuntimeError, match="runs already"):
        server.start_server()
    server.stop_server()
    server.stop_server()
    with pytest.raises(RuntimeError, match="does not run"):
        server.send_notification({})


def test_stopping_tells_the_clients() -> None:
    """Clients see a proper end, and nobody listens any more."""
    with _started() as server:
        client = connect(_address(server)).__enter__()
        started = time.monotonic()
        server.stop_server()
        assert time.monotonic() - started < 8
        with pytest.raises(ConnectionClosed):
            client.recv(20)
        client.close()
    with pytest.raises(ConnectionRefusedError):
        connect(_address(server)).__enter__()


def test_pages_from_elsewhere_are_refused() -> None:
    """A page of this machine may read along, one from the internet only if it is named."""
    with _started(origins=["https://dash.example.org"]) as server:
        for origin in ("http://localhost:3000", "https://dash.example.org"):
            with connect(_address(server), origin=Origin(origin)):
                pass
        for origin in ("https://evil.example", "http://localhost.evil.example", "null"):
            with (
                pytest.raises(InvalidStatus),
                connect(_address(server), origin=Origin(origin)),
            ):
                pass


def test_beyond_this_machine_only_with_a_token() -> None:
    """Without a token it listens on loopback alone; with one it asks for it."""
    with pytest.raises(ValueError, match="give a token"):
        EmailWebSocketServer("0.0.0.0", 0).start_server()
    with pytest.raises(ValueError, match="give a token"):
        EmailWebSocketServer("mail.example.org", 0).start_server()
    with _started(host="0.0.0.0", token="open-sesame") as server:
        with connect(_address(server), additional_headers={"Authorization": "Bearer open-sesame"}):
            pass
        with connect(_address(server) + "?token=open-sesame"):
            pass
        for query in ("", "?token=wrong", "?token=%ff"):
            with pytest.raises(InvalidStatus) as caught, connect(_address(server) + query):
                pass
            assert caught.value.response.status_code == 401


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    """It holds a bounded amount of memory, and the others hear everything meanwhile."""
    with (
        _started() as server,
        connect(_address(server), max_size=None) as quick,
        socket.create_connection(("127.0.0.1", server.port)) as deaf,
    ):
        deaf.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        _until(lambda: len(server.clients) == 2)
        for number in range(40):
            server.send_notification({"number": number, "text": "x" * 500_000})
            assert json.loads(quick.recv(20))["number"] == number
        _until(lambda: len(server.clients) == 1)


def test_what_is_no_json_is_told_to_the_caller() -> None:
    """A mistake in the event is the caller's, and reaches nobody else."""
    with _started() as server, pytest.raises(TypeError):
        server.send_notification({"when": object()})
