"""A server that plays a script to each client that connects: for what no real server would do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from types import TracebackType
from typing import Self

from sage_imap.transports.scripted import Step, parse_script

__all__ = ["HELLO", "ScriptServer"]

HELLO = "* OK [CAPABILITY IMAP4rev1 IDLE LITERAL+ MOVE UIDPLUS] hello"
_PATIENCE = 10.0


class ScriptServer:
    """Plays *script* on 127.0.0.1:``port``, once for each connection.

    The script is that of `sage_imap.transports.scripted`; ``.. tls`` does a handshake by *context*
    and ``.. silence`` waits until the client goes or takes its leave. With *implicit* TLS begins at
    once. ``received`` is what the clients said, in the order of the connections.
    """

    def __init__(
        self, script: str, *, context: ssl.SSLContext | None = None, implicit: bool = False
    ) -> None:
        self.received: list[bytes] = []
        self._steps = parse_script(script)
        self._context = context
        self._implicit = implicit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="script-server")
        self._current: socket.socket | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for sock in (self._listener, self._current):
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_PATIENCE)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                sock, _ = self._listener.accept()
                self.received.append(b"")
                with contextlib.suppress(OSError, ssl.SSLError):
                    self._talk(sock)

    def _talk(self, sock: socket.socket) -> None:
        sock.settimeout(_PATIENCE)
        self._current = sock
        try:
            if self._implicit:
                sock = self._secured(sock)
            for step in self._steps:
                if step.kind == "tls":
                    sock = self._secured(sock)
                elif not self._play(sock, step):
                    return
        finally:
            self._current = None
            sock.close()

    def _secured(self, sock: socket.socket) -> socket.socket:
        assert self._context is not None
        secured = self._context.wrap_socket(sock, server_side=True)
        self._current = secured
        return secured

    def _play(self, sock: socket.socket, step: Step) -> bool:
        """Carry one step out; False where the conversation is over."""
        if step.kind == ">>":
            sock.sendall(step.data)
        elif step.kind == "<<":
            return self._expect(sock, step.data)
        elif step.kind in ("silence", "eof"):
            while step.kind == "silence" and (data := sock.recv(4096)):
                self.received[-1] += data
                if data.endswith(b" LOGOUT\r\n"):
                    break
            return False
        return True

    def _expect(self, sock: socket.socket, data: bytes) -> bool:
        left = len(data)
        while left and (said := sock.recv(left)):
            self.received[-1] += said
            left -= len(said)
        return not left
