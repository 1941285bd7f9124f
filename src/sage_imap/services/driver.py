"""The blocking shell's only logic: one operation at a time, and what an interruption means."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Concatenate, ParamSpec, TypeVar

from sage_imap.config import IMAPConfig
from sage_imap.errors import ConcurrencyError, ConnectionLost, IMAPError, LocalProtocolError
from sage_imap.operations.connecting import log_out, sign_in
from sage_imap.operations.effects import Effect, Operation, Reply
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
        self._ending = ""

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
        config = self._config
        with self._turn():
            if self._transport is not None:
                raise LocalProtocolError("connected already")
            self._session = None
            self._transport = SocketTransport.connect(
                config.host,
                config.effective_port,
                tls=config.effective_security == "tls",
                context=config.ssl_context,
                timeout=config.timeout,
                connect_timeout=config.connect_timeout,
            )
            self._session = Session(Connection(quirks=config.quirks()), timeout=config.timeout)
            try:
                self._drive(sign_in(self._session, config))
            except BaseException:
                self.close()  # whoever could not sign in has no use for the connection
                raise

    def log_out(self) -> None:
        """Take leave if that is still possible, and close."""
        if self._transport is not None:
            with suppress(IMAPError):
                self.run(log_out)
        self.close()

    def close(self) -> None:
        """Close the connection without a word."""
        self._end("it was closed")

    def run(
        self,
        operation: Callable[Concatenate[Session, P], Operation[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Carry *operation* out and return its result."""
        with self._turn():
            self._check_open()
            return self._drive(operation(self.session, *args, **kwargs))

    def descriptor(self) -> int | None:
        """The descriptor of the socket; None where there is something to tell without reading it.

        Raises `ConnectionLost` where there is no connection.
        """
        self._check_open()
        session, transport = self.session, self._transport
        if transport is None:
            raise LocalProtocolError("not connected: call connect() or use a with block")
        if not self._lock.acquire(blocking=False):
            return transport.fileno()  # another thread is reading it
        try:
            held = bool(session.news) or session.connection.has_unread or transport.has_unread
        finally:
            self._lock.release()
        return None if held else transport.fileno()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The right to use the connection, for one thread at a time."""
        if self._owner == threading.get_ident():
            raise ConcurrencyError("the connection is busy with another operation of this thread")
        with self._lock:
            try:
                self._owner = threading.get_ident()
                yield
            except BaseException as error:
                if self._breaks(error):
                    self._end(f"{type(error).__name__} ended it in the middle of a command")
                raise
            finally:
                self._owner = None

    def _breaks(self, error: BaseException) -> bool:
        if isinstance(error, IMAPError):
            return not error.connection_usable
        # A mistake of the caller that was found before anything was sent breaks nothing.
        mistake = isinstance(error, Exception) and self._session is not None
        return not (mistake and self.session.connection.pending == 0)

    def _check_open(self) -> None:
        if self._transport is None and self._session is not None:
            error = ConnectionLost(f"there is no connection ({self._ending}); connect anew")
            error.outcome_known = True  # nothing was sent
            raise error

    def _end(self, why: str) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            self._ending = why
            transport.close()

    def _drive(self, operation: Operation[T]) -> T:
        try:
            effect = operation.send(None)
            while True:
                try:
                    reply = self._perform(effect)
                except ConnectionLost as error:
                    effect = operation.throw(error)  # which says what it had done before
                else:
                    effect = operation.send(reply)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            operation.close()

    def _perform(self, effect: Effect) -> Reply:
        if self._transport is None:  # another thread closed it
            raise ConnectionLost(f"there is no connection ({self._ending}); connect anew")
        return self._transport.perform(effect)
