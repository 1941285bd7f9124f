"""The blocking transport: a socket, and what an operation may wish of it.

Not safe for several threads at once; the shell holds a lock.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from typing import Final

from sage_imap.errors import ConnectionLost, OperationTimeout
from sage_imap.operations.effects import EOF, TIMED_OUT, Effect, Now, Read, Reply, StartTLS, Write
from sage_imap.transports.tls import default_context

__all__ = ["SocketTransport"]

# Large reads save calls when bodies come: one of 256 KiB costs as much as one of 4 KiB.
_READ_SIZE: Final = 256 * 1024


class SocketTransport:
    """A connected socket.

    *timeout* bounds a write, in seconds.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        host: str,
        timeout: float,
        context: ssl.SSLContext | None,
    ) -> None:
        self._socket = sock
        self._host = host
        self._timeout = timeout
        self._context = context

    @classmethod
    def connect(
        cls,
        host: str,
        port: int,
        *,
        tls: bool,
        context: ssl.SSLContext | None,
        timeout: float,
        connect_timeout: float,
    ) -> SocketTransport:
        """A connection, with *tls* also the handshake; all within *connect_timeout* seconds.

        Raises `OperationTimeout`, and `ConnectionLost` where nobody listens, the name is not known
        or the certificate is not trusted.
        """
        deadline = time.monotonic() + connect_timeout
        try:
            sock = socket.create_connection((host, port), connect_timeout)
        except TimeoutError as error:
            raise OperationTimeout(f"no connection within {connect_timeout:g} seconds") from error
        except OSError as error:
            raise ConnectionLost(f"no connection: {error}") from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        transport = cls(sock, host=host, timeout=timeout, context=context)
        if tls:
            transport._secure(max(0.1, deadline - time.monotonic()))
        return transport

    def perform(self, effect: Effect) -> Reply:
        """Fulfil *effect*; raises `ConnectionLost` where the connection does not allow it."""
        match effect:
            case Read():
                return self._read(effect.timeout)
            case Write():
                self._write(effect.data)
            case StartTLS():
                self._secure(self._timeout)
            case Now():
                return time.monotonic()
        return None

    def fileno(self) -> int:
        """The descriptor of the socket."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket; may be called twice, and from another thread to wake a read."""
        with suppress(OSError):  # it may not be connected any more
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self, timeout: float) -> Reply:
        self._socket.settimeout(max(timeout, 0.001))
        try:
            data = self._socket.recv(_READ_SIZE)
        except (TimeoutError, ssl.SSLWantReadError):
            return TIMED_OUT
        except ssl.SSLEOFError:
            return EOF
        except OSError as error:
            raise ConnectionLost(f"the connection failed: {error}") from error
        return data or EOF

    def _write(self, data: bytes) -> None:
        self._socket.settimeout(self._timeout)
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise OperationTimeout("the server does not take what is sent") from error
        except OSError as error:
            raise ConnectionLost(f"the connection failed: {error}") from error

    def _secure(self, timeout: float) -> None:
        context = self._context or default_context()
        self._socket.settimeout(timeout)
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=self._host)
        except ssl.SSLError as error:
            self._socket.close()
            reason = getattr(error, "verify_message", "") or error.reason or error
            raise ConnectionLost(f"no TLS: {reason}") from error
        except TimeoutError as error:
            self._socket.close()
            raise OperationTimeout("the TLS handshake was not answered in time") from error
        except OSError as error:
            self._socket.close()
            raise ConnectionLost(f"no TLS: {error}") from error
