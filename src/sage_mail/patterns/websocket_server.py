"""The guide's `EmailWebSocketServer`: events for whoever is connected, by WebSocket.

It keeps nothing: who is not connected misses what is told. The live feed of the running service has
memory, filters and resume; see `sage_mail.client`.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import re
import socket
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Origin

from sage_mail.listening import stop_accepting
from sage_mail.patterns._portal import portal
from sage_mail.telemetry import get_logger

__all__ = ["EmailWebSocketServer"]

_log = get_logger(__name__)

_MOST_UNSENT: Final = 1024 * 1024
_LONGEST_MESSAGE: Final = 4096
# A page on the internet that a user of this machine opens must not read along.
_OWN_PAGES: Final = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?")


class EmailWebSocketServer:
    """A WebSocket server in the background that tells all its clients each event.

    ``clients`` are the connections, ``server`` and ``server_thread`` what runs while it runs. A
    *port* of 0 is any free one; ``port`` says which after the start.

    Args:
        host: where to listen. Beyond this machine only with a *token*.
        token: what clients have to show, as ``Authorization: Bearer`` or ``?token=``.
        origins: the origins of web pages that may connect; pages of this machine always may.
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int = 8765,
        *,
        token: str | None = None,
        origins: Iterable[str] = (),
    ) -> None:
        self.host = host
        self.port = port
        self.clients: set[ServerConnection] = set()
        self.server: Server | None = None
        self.server_thread: threading.Thread | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._token = token
        self._origins = [None, _OWN_PAGES, *(Origin(origin) for origin in origins)]

    async def register_client(self, websocket: ServerConnection, path: str | None = None) -> None:
        """Keep the client until it goes; runs on the loop of the server."""
        self.clients.add(websocket)
        _log.info("websocket_client_came", clients=len(self.clients))
        try:
            async for _ in websocket:
                pass  # what clients say is not listened to
        except ConnectionClosed:
            pass
        finally:
            self.clients.discard(websocket)
            _log.info("websocket_client_went", clients=len(self.clients))

    async def broadcast_event(self, event: Mapping[str, Any]) -> None:
        """Tell the event to all clients; runs on the loop of the server.

        Nobody is waited for: a client that leaves a megabyte untaken is cut off.
        """
        message = json.dumps(event, ensure_ascii=False)
        for client in tuple(self.clients):
            if client.transport.get_write_buffer_size() > _MOST_UNSENT:
                self.clients.discard(client)
                _log.warning("websocket_client_cut_off", clients=len(self.clients))
                closing = client.close(CloseCode.TRY_AGAIN_LATER, "too slow")
                task = asyncio.create_task(closing)
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
        broadcast(self.clients, message)

    def start_server(self) -> None:
        """Listen, in the background; clients can connect when this returns.

        Raises:
            OSError: the address cannot be used, for one because the port is taken.
            RuntimeError: it listens already.
            ValueError: it would listen beyond this machine without a token.
        """
        if self.server is not None:
            raise RuntimeError("the server runs already; stop_server() comes first")
        if self._token is None and not _is_loopback(self.host):
            raise ValueError("to listen beyond this machine, give a token: token=...")
        self.server = portal().call(self._serve)
        self.port = self.server.sockets[0].getsockname()[1]
        self.server_thread = portal().call(threading.current_thread)
        _log.info("websocket_server_started", port=self.port)

    def stop_server(self) -> None:
        """End all connections and stop listening; does nothing where it does not run."""
        server, self.server = self.server, None
        if server is not None:
            portal().call(_end, server)
            self.server_thread = None

    def send_notification(self, event: Mapping[str, Any]) -> None:
        """Tell the event to all clients; from any thread, and without waiting.

        Raises:
            RuntimeError: the server does not run.
            TypeError: the event is no JSON.
        """
        if self.server is None:
            raise RuntimeError("the server does not run; start_server() comes first")
        json.dumps(event)  # here, where the caller hears of it
        portal().start_task_soon(self.broadcast_event, dict(event)).add_done_callback(_report)

    async def _serve(self) -> Server:
        # The name has two addresses, which would get a port each if any will do.
        one = self.port == 0 and self.host == "localhost"
        return await serve(
            self.register_client,
            self.host,
            self.port,
            family=socket.AF_INET if one else socket.AF_UNSPEC,
            origins=self._origins,
            process_request=self._admit,
            compression=None,
            max_size=_LONGEST_MESSAGE,
            close_timeout=1,
        )

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if self._token is None:
            return None
        _, _, bearer = request.headers.get("Authorization", "").partition(" ")
        shown = [bearer, *parse_qs(urlsplit(request.path).query).get("token", [])[:1]]
        right = [hmac.compare_digest(each.encode(), self._token.encode()) for each in shown]
        if any(right):
            return None
        return connection.respond(HTTPStatus.UNAUTHORIZED, "the token is missing or wrong\n")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _end(server: Server) -> None:
    await stop_accepting(server.sockets)
    server.close()
    await server.wait_closed()


def _report(telling: Future[None]) -> None:
    if not telling.cancelled() and (error := telling.exception()) is not None:
        _log.error("notification_failed", error=type(error).__name__)
