"""The asyncio shell's only logic: one operation at a time, and what an interruption means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Concatenate, ParamSpec, TypeVar

from sage_imap.config import IMAPConfig
from sage_imap.errors import ConcurrencyError, ConnectionLost, IMAPError, LocalProtocolError
from sage_imap.operations.connecting import log_out, sign_in
from sage_imap.operations.effects import Effect, Operation, Reply
from sage_imap.operations.session import Session
from sage_imap.protocol.connection import Connection
from sage_imap.transports.streams import StreamTransport

__all__ = ["Driver"]

P = ParamSpec("P")
T = TypeVar("T")


class Driver:
    """Drives operations over one connection.

    Another task waits its turn. An effect that is interrupted (by a deadline, a cancellation, a
    failing socket) breaks the connection for good, since nobody knows how much of an answer was
    read. A connection belongs to the event loop in which it was made.
    """

    def __init__(self, config: IMAPConfig) -> None:
        self._config = config
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner: asyncio.Task[object] | None = None
        self._transport: StreamTransport | None = None
        self._session: Session | None = None
        self._leaving = False
        self._ending = ""
        self._endings = 0  # which tells a connection that is being made that it is not wanted

    @property
    def session(self) -> Session:
        """The session; `LocalProtocolError` where there is none."""
        session = self._session
        if session is None:
            raise LocalProtocolError("not connected: call connect() or use an async with block")
        return session

    @property
    def usable(self) -> bool:
        """Whether the connection is open, as far as is known, and not about to be left."""
        return self._transport is not None and self._session is not None and not self._leaving

    async def connect(self) -> None:
        """Connect and sign in."""
        config = self._config
        async with self._turn():
            if self._transport is not None:
                raise LocalProtocolError("connected already")
            self._session = None
            self._leaving = False
            if callable(config.access_token):
                # It may ask a server for a fresh one, which must not hold up the loop.
                config = replace(config, access_token=await asyncio.to_thread(config.token))
            endings = self._endings
            transport = await StreamTransport.connect(
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
                await self._drive(self._transport, sign_in(self._session, config))
            except BaseException:
                await self.close()  # whoever could not sign in has no use for the connection
                raise

    def leave(self) -> None:
        """Have whatever is asked for from now on be refused; what waits for its turn has it."""
        self._leaving = True

    async def log_out(self) -> None:
        """Take leave if that is still possible, and close."""
        self.leave()
        try:
            if self._transport is not None:
                with suppress(IMAPError):
                    await self._carry_out(log_out)
        finally:
            await self.close()

    async def close(self) -> None:
        """Close the connection without a word; whoever waits for it is told at once."""
        self._end("it was closed")

    def rouse(self) -> None:
        """Have whoever waits for news look round; from another task."""
        if self._transport is not None:
            self._transport.rouse()

    def calm(self) -> None:
        """Forget that `rouse` was called."""
        if self._transport is not None:
            self._transport.calm()

    @property
    def elsewhere(self) -> bool:
        """Whether another task is in an operation."""
        return self._owner not in (None, asyncio.current_task())

    async def run(
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
        return await self._carry_out(operation, *args, **kwargs)

    async def _carry_out(
        self,
        operation: Callable[Concatenate[Session, P], Operation[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        async with self._turn():
            transport = self.check_open()
            return await self._drive(transport, operation(self.session, *args, **kwargs))

    def check_open(self) -> StreamTransport:
        """The open transport; raises `LocalProtocolError` and `ConnectionLost` where there is none.

        Nothing was sent then.
        """
        if self._transport is None:
            self.session  # noqa: B018 - raises where there never was one
            error = self._gone()
            error.outcome_known = True
            raise error
        return self._transport

    def _gone(self) -> ConnectionLost:
        return ConnectionLost(f"there is no connection ({self._ending}); connect anew")

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """The right to use the connection, for one task at a time."""
        self._enter_loop()
        if self._owner is asyncio.current_task():
            raise ConcurrencyError("the connection is busy with another operation of this task")
        async with self._lock:
            try:
                self._owner = asyncio.current_task()
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
        return not (mistake and self.session.at_rest)

    def _enter_loop(self) -> None:
        """Take note of the running loop; a connection of another one would never be answered."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        if self._transport is not None:
            raise LocalProtocolError(
                "the connection belongs to another event loop; nothing was sent: make a client of "
                "your own in each asyncio.run() and in each thread"
            )
        self._loop, self._lock = loop, asyncio.Lock()

    def _end(self, why: str) -> None:
        self._endings += 1
        transport, self._transport = self._transport, None
        if transport is not None:
            self._ending = why
            transport.close()

    async def _drive(self, transport: StreamTransport, operation: Operation[T]) -> T:
        try:
            effect = operation.send(None)
            while True:
                try:
                    reply = await self._perform(transport, effect)
                except ConnectionLost as error:
                    effect = operation.throw(error)  # which says what it had done before
                else:
                    effect = operation.send(reply)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            operation.close()

    async def _perform(self, transport: StreamTransport, effect: Effect) -> Reply:
        reply = await transport.perform(effect)
        if self._transport is not transport:  # another task closed it
            raise self._gone()
        return reply
