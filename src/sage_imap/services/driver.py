"""The blocking shell's only logic: one operation at a time, and what an interruption means."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

from sage_imap.config import IMAPConfig
from sage_imap.errors import ConcurrencyError, ConnectionLost, IMAPError, LocalProtocolError
from sage_imap.operations.connecting import log_out, sign_in
from sage_imap.operations.effects import Operation, Reply
from sage_imap.operations.session import Session
from sage_imap.protocol.connection import Connection
from sage_imap.transports.sockets import SocketTransport

__all__ = ["Driver"]

P = ParamSpec("P")
T = TypeVar("T")


class Driver:
    """Drives operations over one connection.

    Another thread waits its turn. An effect that is interrupted (by a deadline, Ctrl-C, a failing
    socket) breaks the connection for good, since nobody knows how much of an answer was read.
    """

    def __init__(self, config: IMAPConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._transport: SocketTransport | None = None
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The session; `LocalProtocolError` where there is none."""
        if self._session is None:
            raise LocalProtocolError("not connected: call connect() or use a with block")
        return self._session

    @property
    def usable(self) -> bool:
        """Whether the connection is open, as far as is known."""
        return self._transport is not None and self._session is not None

    def connect(self) -> None:
        """Connect and sign in."""
        if self._transport is not None:
            raise LocalProtocolError("connected already")
        config = self._config
        self._transport = SocketTransport.connect(
            config.host,
            config.effective_port,
            tls=config.effective_security == "tls",
            context=config.ssl_context,
            timeout=config.timeout,
            connect_timeout=config.connect_timeout,
        )
        self._session = Session(Connection(), timeout=config.timeout)
        try:
            self.run(sign_in, config)
        except BaseException:
            self.close()
            raise

    def log_out(self) -> None:
        """Take leave if that is still possible, and close."""
        if self._transport is not None:
            with suppress(IMAPError):
                self.run(log_out)
        self.close()

    def close(self) -> None:
        """Close the connection without a word."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def run(
        self,
        operation: Callable[Concatenate[Session, P], Operation[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Carry *operation* out and return its result."""
        if self._owner == threading.get_ident():
            raise ConcurrencyError("the connection is busy with another operation of this thread")
        with self._lock:
            self._owner = threading.get_ident()
            try:
                return self._drive(operation(self.session, *args, **kwargs))
            except BaseException as error:
                if not (isinstance(error, IMAPError) and error.connection_usable):
                    self.close()
                raise
            finally:
                self._owner = None

    def _drive(self, operation: Operation[T]) -> T:
        reply: Reply = None
        try:
            while True:
                effect = operation.send(reply)
                if self._transport is None:
                    raise ConnectionLost("the connection is closed; connect anew")
                reply = self._transport.perform(effect)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            operation.close()
