"""The asyncio transport: a `BufferedProtocol`, and TLS by a `MemoryBIO` of our own.

asyncio's own TLS sets 256 KiB aside for each connection; here an idle connection holds what OpenSSL
needs and no more, because the receive buffer is shared. What was received waits in a queue of
bounded size; beyond it the socket is not read, so that a server cannot fill the memory of a client
that does not listen. What is sent goes in pieces, so that neither side holds a large message twice.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from typing import Final

from sage_imap.errors import ConnectionLost, OperationTimeout
from sage_imap.operations.effects import EOF, TIMED_OUT, Effect, Now, Read, Reply, StartTLS, Write
from sage_imap.transports.scratch import READ_SIZE, SMALL_READ_SIZE, scratch
from sage_imap.transports.tls import default_context, handshake_error

__all__ = ["StreamTransport"]

_MOST_UNREAD: Final = 1024 * 1024
_WRITE_SIZE: Final = 64 * 1024
_RECORD: Final = 16 * 1024  # RFC 8446 section 5.1: the most that a record holds


class _Wire(asyncio.BufferedProtocol):
    """The octets that came over TCP, until somebody takes them."""

    def __init__(self) -> None:
        self.received: deque[bytes] = deque()
        self.unread = 0
        self.most = SMALL_READ_SIZE
        """Octets that are received at once."""
        self.ended = False
        self.roused = False
        self.error: Exception | None = None
        self.transport: asyncio.Transport | None = None
        self._wakeup: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return scratch()[: self.most]

    def buffer_updated(self, nbytes: int) -> None:
        self.received.append(bytes(scratch()[:nbytes]))
        self.unread += nbytes
        if self.unread > _MOST_UNREAD and not self._paused and self.transport is not None:
            self.transport.pause_reading()
            self._paused = True
        self._wake()

    def eof_received(self) -> bool:
        self.ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.error = exc
        self._wake()
        self._release()

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        self._release()

    def take(self) -> bytes:
        """What was received first and not taken yet; empty where there is nothing."""
        data = self.received.popleft() if self.received else b""
        self.unread -= len(data)
        if self._paused and self.transport is not None and self.unread <= _MOST_UNREAD:
            self._paused = False
            self.transport.resume_reading()
        return data

    async def wait(self) -> None:
        """Until there is something to take, the end, or somebody wants a wait to end."""
        if self.received or self.ended:
            return
        self._wakeup = asyncio.get_running_loop().create_future()
        try:
            await self._wakeup
        finally:
            self._wakeup = None

    async def drain(self) -> None:
        """Until the socket takes more."""
        if self._writable is not None and not self.ended:
            await self._writable

    def rouse(self) -> None:
        """End a wakeable read, this one or the next."""
        self.roused = True
        self._wake()

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    def _release(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None


class StreamTransport:
    """A connected stream, and what an operation may wish of it.

    *timeout* is how many seconds the server may take none of what is sent, and bounds a handshake.
    """

    def __init__(
        self, wire: _Wire, *, host: str, timeout: float, context: ssl.SSLContext | None
    ) -> None:
        self._wire = wire
        self._host = host
        self._timeout = timeout
        self._context = context
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        *,
        tls: bool,
        context: ssl.SSLContext | None,
        timeout: float,
        connect_timeout: float,
    ) -> StreamTransport:
        """A connection, with *tls* also the handshake; all within *connect_timeout* seconds.

        Raises `OperationTimeout`, `TLSFailed` where the certificate is not trusted, and
        `ConnectionLost` where nobody listens or the name is not known.
        """
        wire = _Wire()
        transport = cls(wire, host=host, timeout=timeout, context=context)
        try:
            async with asyncio.timeout(connect_timeout):
                await asyncio.get_running_loop().create_connection(lambda: wire, host, port)
                _configure(wire)
                if tls:
                    await transport._handshake()
        except TimeoutError as error:
            transport.close()
            raise OperationTimeout(
                f"no connection to {host}:{port} within {connect_timeout:g} seconds"
            ) from error
        except (OSError, UnicodeError) as error:  # a name that IDNA cannot spell
            transport.close()
            raise ConnectionLost(f"no connection to {host}:{port}: {error}") from error
        except BaseException:
            transport.close()
            raise
        return transport

    async def perform(self, effect: Effect) -> Reply:
        """Fulfil *effect*; raises `ConnectionLost` where the connection does not allow it."""
        match effect:
            case Read():
                return await self._read(effect)
            case Write():
                await self._write(effect.data)
            case StartTLS():
                await self._secure()
            case Now():
                return asyncio.get_running_loop().time()
        return None

    def rouse(self) -> None:
        """End a wakeable read, this one or the next; from another task."""
        self._wire.rouse()

    def calm(self) -> None:
        """Forget that `rouse` was called."""
        self._wire.roused = False

    def close(self) -> None:
        """Drop the connection; may be called twice."""
        if self._wire.transport is not None:
            self._wire.transport.abort()

    async def _read(self, effect: Read) -> Reply:
        self._wire.most = READ_SIZE if effect.bulk else SMALL_READ_SIZE
        data = self._take()
        if data is not None:
            return data
        try:
            async with asyncio.timeout(effect.timeout):
                while data is None and not (effect.wakeable and self._wire.roused):
                    await self._wire.wait()
                    data = self._take()
        except TimeoutError:
            # The loop may have received something in the same turn in which it ended the wait.
            data = self._take()
        if data is None:
            self.calm()
            return TIMED_OUT
        return data

    def _take(self) -> Reply:
        """What can be read at once; None where nothing can."""
        while received := self._wire.take():
            if self._tls is None:
                return received
            self._incoming.write(received)
            if data := self._decrypt(self._tls):
                return data
        if self._tls is not None and (data := self._decrypt(self._tls)):
            return data
        if not self._wire.ended:
            return None
        error = self._wire.error
        if error is None or isinstance(error, ConnectionError):
            return EOF
        raise ConnectionLost(f"the connection failed: {error}") from error

    def _decrypt(self, tls: ssl.SSLObject) -> bytes:
        parts: list[bytes] = []
        try:
            while part := tls.read(_RECORD):
                parts.append(part)
            self._wire.ended = True  # an empty read is the peer's close_notify
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._wire.ended = True
        except ssl.SSLError as error:
            raise ConnectionLost(f"TLS failed: {error.reason or error}") from error
        self._send_outgoing()  # a key update or an alert that TLS wants to be answered
        return b"".join(parts)

    async def _write(self, data: bytes) -> None:
        """Send *data*. That the connection failed is told by the next read.

        The server's last words, which say why it closed the connection, may still be unread.
        """
        view = memoryview(data)
        for start in range(0, len(view), _WRITE_SIZE):
            if self._wire.ended:
                return
            self._put(view[start : start + _WRITE_SIZE])
            try:
                async with asyncio.timeout(self._timeout):
                    await self._wire.drain()
            except TimeoutError as error:
                raise OperationTimeout("the server does not take what is sent") from error

    def _put(self, data: memoryview) -> None:
        if self._tls is None:
            self._send(bytes(data))
            return
        try:
            while data:  # it may take a record at a time
                data = data[self._tls.write(data) :]
        except ssl.SSLError as error:
            raise ConnectionLost(f"TLS failed: {error.reason or error}") from error
        self._send_outgoing()

    async def _secure(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._handshake()
        except TimeoutError as error:
            raise OperationTimeout("the TLS handshake was not answered in time") from error

    async def _handshake(self) -> None:
        context = self._context or default_context()
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=self._host)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._send_outgoing()
            except ssl.SSLError as error:
                self._send_outgoing()  # the alert that says why
                raise handshake_error(error) from error
            else:
                self._send_outgoing()
                self._tls = tls
                return
            await self._wire.wait()
            received = self._wire.take()
            if not received and self._wire.ended:
                raise ConnectionLost("no TLS: the server closed the connection in the handshake")
            self._incoming.write(received)

    def _send_outgoing(self) -> None:
        if self._outgoing.pending:
            self._send(self._outgoing.read())

    def _send(self, data: bytes) -> None:
        if self._wire.transport is not None:
            self._wire.transport.write(data)


def _configure(wire: _Wire) -> None:
    """TCP_NODELAY is asyncio's own doing; a peer that is gone is to be noticed when idle, too."""
    assert wire.transport is not None
    sock = wire.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
