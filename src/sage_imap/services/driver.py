"""The blocking shell's only logic: one operation at a time, and what an interruption means."""

from __future__ import annotations

import os
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
    socket) breaks the connection for good, since nobody knows how much of an answer was read. A
    process that is forked off has no part in it: two that read one stream both read half of it.
    """

    def __init__(self, config: IMAPConfig) -> None:
        self._config = config
        # Re-entrant, since a signal handler may run between the lock and the owner's mark; what is
        # in the middle of an operation is told by that mark.
        self._lock = threading.RLock()
        self._owner: int | None = None
        self._transport: SocketTransport | None = None
        self._session: Session | None = None
        self._leaving = False
        self._ending = ""
        self._endings = 0  # which tells a connection that is being made that it is not wanted
        self._ended: list[SocketTransport] = []
        self._process = os.getpid()

    @property
    def session(self) -> Session:
        """The session; `LocalProtocolError` where there is none."""
        session = self._session
        if session is None:
            raise LocalProtocolError("not connected: call connect() or use a with block")
        return session

    @property
    def usable(self) -> bool:
        """Whether the connection is open, as far as is known, and not about to be left."""
        return self._transport is not None and self._session is not None and not self._leaving

    @property
    def leaving(self) -> bool:
        """Whether the connection was or is being left; a new one is not."""
        return self._leaving

    @property
    def interrupted(self) -> bool:
        """Whether this thread is in an operation, which a signal handler of its interrupts."""
        return self._owner == threading.get_ident()

    @property
    def elsewhere(self) -> bool:
        """Whether another thread is in an operation."""
        return self._owner not in (None, threading.get_ident())

    def connect(self) -> None:
        """Connect and sign in."""
        config = self._config
        with self._turn():
            if self._transport is not None:
                raise LocalProtocolError("connected already")
            self._session = None
            self._leaving = False
            self._process = os.getpid()
            endings = self._endings
            transport = SocketTransport.connect(
                config.host,
                config.effective_port,
                tls=config.effective_security == "tls",
                context=config.ssl_context,
                timeout=config.timeout,
                connect_timeout=config.connect_timeout,
            )
            if self._endings != endings:
                transport.close()
                raise ConnectionLost("the connection was closed while it was being made")
            self._transport = transport
            self._session = Session(Connection(quirks=config.quirks()), timeout=config.timeout)
            try:
                self._drive(self._transport, sign_in(self._session, config))
            except BaseException:
                self.close()  # whoever could not sign in has no use for the connection
                raise

    def leave(self) -> None:
        """Have whatever is asked for from now on be refused; what waits for its turn has it."""
        self._leaving = True

    def log_out(self) -> None:
        """Take leave if that is still possible, and close."""
        self.leave()
        try:
            if self._transport is not None:
                with suppress(IMAPError):
                    self._carry_out(log_out)
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection without a word; whoever waits for it is told at once."""
        self._end("it was closed")
        self._close_ended()

    def rouse(self) -> None:
        """Have whoever waits for news look round; from any thread or signal handler."""
        transport = self._transport
        if transport is not None:
            transport.rouse()

    def calm(self) -> None:
        """Forget that `rouse` was called."""
        transport = self._transport
        if transport is not None:
            transport.calm()

    def run(
        self,
        operation: Callable[Concatenate[Session, P], Operation[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Carry *operation* out and return its result."""
        if self._leaving and self._transport is not None:
            error = ConnectionLost("the client is logging out; nothing was sent: connect anew")
            error.outcome_known = True
            raise error
        return self._carry_out(operation, *args, **kwargs)

    def _carry_out(
        self,
        operation: Callable[Concatenate[Session, P], Operation[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        with self._turn():
            transport = self.check_open()
            return self._drive(transport, operation(self.session, *args, **kwargs))

    def descriptor(self) -> int | None:
        """The descriptor of the socket; None where there is something to tell without reading it.

        Raises `ConnectionLost` where there is no connection.
        """
        transport = self.check_open()
        session = self.session
        if self.interrupted or not self._lock.acquire(blocking=False):
            return transport.fileno()  # it is being read
        try:
            held = bool(session.news) or session.connection.has_unread or transport.has_unread
            return None if held else transport.fileno()
        finally:
            self._lock.release()

    def check_open(self) -> SocketTransport:
        """The open transport; raises `LocalProtocolError` and `ConnectionLost` where there is none.

        Nothing was sent then.
        """
        self._check_process()
        transport = self._transport
        if transport is None:
            self.session  # noqa: B018 - raises where there never was one
            error = self._gone()
            error.outcome_known = True
            raise error
        return transport

    def _check_process(self) -> None:
        if self._transport is not None and self._process != os.getpid():
            raise LocalProtocolError(
                "the connection belongs to the process of which this one is a fork; nothing was "
                "sent: make a client of your own in each process"
            )

    def _gone(self) -> ConnectionLost:
        return ConnectionLost(f"there is no connection ({self._ending}); connect anew")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The right to use the connection, for one thread at a time."""
        self._check_process()  # a lock that was held in the fork stays so for ever
        if self.interrupted:
            raise ConcurrencyError("the connection is busy with another operation of this thread")
        try:
            with self._lock:
                try:
                    self._owner = threading.get_ident()
                    yield
                except BaseException as error:
                    if self._breaks(error):
                        # Ctrl-C on the threshold of this block comes as the end of a generator.
                        left = isinstance(error, GeneratorExit)
                        what = "an interruption" if left else type(error).__name__
                        self._end(f"{what} ended it in the middle of a command")
                    raise
                finally:
                    self._owner = None
        finally:
            if self.interrupted:  # Ctrl-C came before the mark was taken away
                self._owner = None
            self._close_ended()

    def _breaks(self, error: BaseException) -> bool:
        if isinstance(error, IMAPError):
            return not error.connection_usable
        # A mistake of the caller that was found before anything was sent breaks nothing.
        mistake = isinstance(error, Exception) and self._session is not None
        return not (mistake and self.session.at_rest)

    def _end(self, why: str) -> None:
        """Let go of the connection; its descriptors are closed once nobody uses them."""
        self._endings += 1
        transport, self._transport = self._transport, None
        if transport is not None:
            self._ending = why
            if self._process == os.getpid():  # else the other process goes on using it
                transport.shut()
            self._ended.append(transport)

    def _close_ended(self) -> None:
        """Close what has ended, unless a thread is still in it: that one closes it then."""
        while self._ended and not self.interrupted and self._lock.acquire(blocking=False):
            try:
                while self._ended:
                    self._ended.pop().close()
            finally:
                self._lock.release()

    def _drive(self, transport: SocketTransport, operation: Operation[T]) -> T:
        try:
            effect = operation.send(None)
            while True:
                try:
                    reply = self._perform(transport, effect)
                except ConnectionLost as error:
                    effect = operation.throw(error)  # which says what it had done before
                else:
                    effect = operation.send(reply)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            operation.close()

    def _perform(self, transport: SocketTransport, effect: Effect) -> Reply:
        reply = transport.perform(effect)
        if self._transport is not transport:  # another thread closed it
            raise self._gone()
        return reply
