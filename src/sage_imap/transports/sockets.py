"""The blocking transport: a socket, and what an operation may wish of it.

Not safe for several threads at once; the shell holds a lock. While octets are being sent, those
that the server sends are taken in, within a bound: a server that waits for us to read before it
reads on, and a client that waits for it, would wait for ever.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from contextlib import suppress
from typing import Final

from sage_imap.errors import ConnectionLost, OperationTimeout
from sage_imap.operations.effects import EOF, TIMED_OUT, Effect, Now, Read, Reply, StartTLS, Write
from sage_imap.transports.bell import Bell
from sage_imap.transports.scratch import READ_SIZE, SMALL_READ_SIZE, scratch
from sage_imap.transports.tls import default_context, handshake_error

__all__ = ["SocketTransport"]

_MOST_UNREAD: Final = 1024 * 1024
# OpenSSL takes a record at a time, and wants the same octets again where it took none.
_WRITE_SIZE: Final = 16 * 1024
_WAIT: Final = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


class SocketTransport:
    """A connected socket.

    *timeout* is how many seconds the server may take none of what is sent.
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
        self._unread = bytearray()
        self._failed = False
        self._bell = Bell()

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

        Only the resolution of the name is left to the patience of the system. Raises
        `OperationTimeout`, `TLSFailed` where the certificate is not trusted, and `ConnectionLost`
        where nobody listens or the name is not known.
        """
        deadline = time.monotonic() + connect_timeout
        try:
            sock = _connected(host, port, deadline)
        except TimeoutError as error:
            raise OperationTimeout(
                f"no connection to {host}:{port} within {connect_timeout:g} seconds"
            ) from error
        except (OSError, UnicodeError) as error:  # a name that IDNA cannot spell
            raise ConnectionLost(f"no connection to {host}:{port}: {error}") from error
        transport = cls(sock, host=host, timeout=timeout, context=context)
        if tls:
            transport._secure(max(0.1, deadline - time.monotonic()))
        return transport

    def perform(self, effect: Effect) -> Reply:
        """Fulfil *effect*; raises `ConnectionLost` where the connection does not allow it."""
        match effect:
            case Read():
                return self._read(effect)
            case Write():
                self._write(effect.data)
            case StartTLS():
                self._secure(self._timeout)
            case Now():
                return time.monotonic()
        return None

    def fileno(self) -> int:
        """A descriptor that is readable where the socket is, and once `rouse` was called."""
        return self._bell.fileno(self._socket)

    def rouse(self) -> None:
        """End a wakeable read, this one or the next; from any thread or signal handler."""
        self._bell.ring()

    def calm(self) -> None:
        """Forget that `rouse` was called."""
        self._bell.silence()

    @property
    def has_unread(self) -> bool:
        """Whether octets, or the end, are here already though the socket need not say so."""
        if self._unread or self._failed:
            return True
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def shut(self) -> None:
        """End the connection and wake whoever waits for it; from any thread.

        The descriptor stays until `close`: where it was given to another socket meanwhile, a thread
        that is woken would read that one's octets.
        """
        with suppress(OSError):  # it may not be connected any more
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the descriptors back, once nobody uses them; may be called twice."""
        self._bell.close()
        self._socket.close()

    def _read(self, effect: Read) -> Reply:
        if self._unread:
            data = bytes(self._unread)
            self._unread.clear()
            return data
        if self._failed:
            return EOF
        try:
            most = READ_SIZE if effect.bulk else SMALL_READ_SIZE
            if effect.wakeable:
                return self._receive_unless_roused(effect.timeout, most)
            self._socket.settimeout(max(effect.timeout, 0.001))
            return self._receive(most) or EOF
        except (TimeoutError, *_WAIT):
            return TIMED_OUT
        except (ssl.SSLEOFError, ConnectionError):
            return EOF
        except OSError as error:
            raise ConnectionLost(f"the connection failed: {error}") from error

    def _receive_unless_roused(self, timeout: float, most: int) -> Reply:
        """What there is; a part of a TLS record is nothing yet, and the wait goes on."""
        deadline = time.monotonic() + timeout
        self._socket.settimeout(0)
        while True:
            with suppress(*_WAIT):
                return self._receive(most) or EOF
            left = deadline - time.monotonic()
            if left <= 0 or not self._bell.wait(self._socket, left):
                return TIMED_OUT

    def _receive(self, most: int = SMALL_READ_SIZE) -> memoryview:
        """What there is, in this thread's buffer; of TLS, all records that are here already."""
        buffer = scratch()[:most]
        count = self._socket.recv_into(buffer)
        if isinstance(self._socket, ssl.SSLSocket) and count:
            while count < most and self._socket.pending():
                count += self._socket.recv_into(buffer[count:])
        return buffer[:count]

    def _write(self, data: bytes) -> None:
        """Send *data*. That the connection failed is told by the next read.

        The server's last words, which say why it closed the connection, may still be unread.
        """
        view = memoryview(data)
        sent = 0
        self._socket.settimeout(0)
        try:
            while sent < len(view) and not self._failed:
                try:
                    sent += self._socket.send(view[sent : sent + _WRITE_SIZE])
                except ssl.SSLWantReadError:  # a handshake that is repeated
                    self._wait_for(selectors.EVENT_READ)
                except _WAIT:
                    more = len(self._unread) < _MOST_UNREAD
                    self._wait_for(selectors.EVENT_WRITE | (selectors.EVENT_READ if more else 0))
        except OSError:
            self._failed = True
            with suppress(OSError):
                while len(self._unread) < _MOST_UNREAD and (last := self._receive()):
                    self._unread += last

    def _wait_for(self, events: int) -> None:
        """Until the socket is ready for one of *events*; take in what comes."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, events)
            ready = selector.select(self._timeout)
        if not ready:
            raise OperationTimeout("the server does not take what is sent")
        if ready[0][1] & selectors.EVENT_READ:
            with suppress(*_WAIT):
                data = self._receive()
                self._unread += data
                self._failed = not data

    def _secure(self, timeout: float) -> None:
        context = self._context or default_context()
        self._socket.settimeout(timeout)
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=self._host)
        except ssl.SSLError as error:
            self._socket.close()
            raise handshake_error(error) from error
        except TimeoutError as error:
            self._socket.close()
            raise OperationTimeout("the TLS handshake was not answered in time") from error
        except OSError as error:
            self._socket.close()
            raise ConnectionLost(f"no TLS: {error}") from error
        except BaseException:
            self._socket.close()
            raise


def _connected(host: str, port: int, deadline: float) -> socket.socket:
    """A socket that is connected to the first address of *host* that answers."""
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(left)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure
