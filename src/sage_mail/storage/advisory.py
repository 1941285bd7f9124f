"""The lock by which one service at a time runs on a PostgreSQL: a session's advisory lock.

It is held by a connection of its own, for as long as that lives. The server releases it as soon as
it learns that the connection is gone: at once if the process is killed, and after a while if the
host or the network is. How long that while is we tell the server ourselves, since by default it
would be hours (its manual, "Connections and Authentication", tcp_keepalives_idle and its kin).

Who holds it is told by the connection's ``application_name``, which everybody may read, and in
which a word of chance tells a session of ours from one of another service that happens to have the
same process id on a host of the same name, as in containers.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import select
import socket
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import psycopg
from psycopg.errors import Diagnostic
from sqlalchemy import URL

from sage_mail.errors import StorageUnavailable
from sage_mail.locking import Holder
from sage_mail.storage.errors import unavailable
from sage_mail.storage.urls import address

__all__ = ["SERVER_SECONDS", "AdvisoryLock"]

# After so many seconds without a sign of life the server ends our session.
SERVER_SECONDS: Final = 20
# Any number that no other program uses in the same database; that of `schema` is its neighbour.
_KEY: Final = 0x5A6E_0002
_CONNECT_SECONDS: Final = 5
_PAUSE_SECONDS: Final = 0.05
_NAME: Final = re.compile(r"sage-mail (?P<process>\d+) (?P<word>[0-9a-f]+)@(?P<host>.+)")

# Some are missing in older servers, and without effect on a local socket.
_PREPARE: Final = f"""
SELECT set_config(name, value, false) FROM pg_settings JOIN (VALUES
    ('tcp_keepalives_idle', '{SERVER_SECONDS // 2}'),
    ('tcp_keepalives_interval', '{SERVER_SECONDS // 4}'),
    ('tcp_keepalives_count', '2'),
    ('tcp_user_timeout', '{SERVER_SECONDS * 1000}'),
    ('idle_session_timeout', '0')
) AS wanted (name, value) USING (name)
"""  # noqa: S608 - our own constants
_TRY: Final = f"SELECT pg_try_advisory_lock({_KEY}), pg_backend_pid()"
_UNLOCK: Final = f"SELECT pg_advisory_unlock({_KEY})"
_HOLDER: Final = f"""
SELECT pid, coalesce(application_name, ''), coalesce(host(client_addr), '')
FROM pg_locks LEFT JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted
    AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid, objid, objsubid) = (0, {_KEY}, 1)
"""  # noqa: S608 - our own constants


class AdvisoryLock:
    """The lock on the database at the URL, ours between `acquire` and `release` or `drop`.

    Every method raises `StorageUnavailable` where the database cannot be asked, or does not have
    the lock as ours any more.
    """

    def __init__(self, url: URL) -> None:
        _, self._arguments = url.get_dialect()().create_connect_args(url)
        self._word = secrets.token_hex(4)  # the name has room for 63 octets
        self._name = f"sage-mail {os.getpid()} {self._word}@{socket.gethostname()}"
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._backend = 0
        self._farewell = False
        self.database = f"the database at {address(url)}"

    @property
    def is_open(self) -> bool:
        """False where there is no lock to be confirmed."""
        return self._connection is not None

    @property
    def is_quiet(self) -> bool:
        """False if the server has said something that nobody has read yet, or is gone.

        So it does when it ends the session, and before it gives the lock to somebody else.
        """
        if self._connection is None:
            return True
        if self._connection.closed or self._farewell:
            return False
        poll = select.poll()
        poll.register(self._connection.fileno(), select.POLLIN)
        return not poll.poll(0)

    async def acquire(self) -> Holder | None:
        """None if the lock is ours now, else who has it.

        An earlier session of ours that the server has not missed yet is ended.
        """
        async with AsyncExitStack() as stack:
            connection = await self._connected(stack)
            while not (found := await self._row(connection, _TRY))[0]:
                other = await self._other(connection)
                if other is not None:
                    return other
                await asyncio.sleep(_PAUSE_SECONDS)
            await self._row(connection, _PREPARE)
            stack.pop_all()
            self._farewell = False
            connection.add_notice_handler(self._note_farewell)
            self._connection, self._backend = connection, found[1]
        return None

    async def holder(self) -> Holder | None:
        """Who has the lock, None where nobody has."""
        async with AsyncExitStack() as stack:
            connection = await self._connected(stack)
            found = await self._row(connection, _HOLDER)
            return None if found is None else _holder(found)

    async def confirm(self) -> None:
        """Return if the lock is still ours: it is as long as its session lives."""
        connection = self._required()
        (backend,) = await self._row(connection, "SELECT pg_backend_pid()")
        connection.pgconn.is_busy()  # has what came behind the answer be read, too
        if self._farewell:
            raise StorageUnavailable(f"{self.database} ends the session")
        if backend != self._backend:
            # A pooler that gives us now this session and now that one.
            raise StorageUnavailable(f"{self.database} is behind a pooler that shares sessions")

    def _note_farewell(self, notice: Diagnostic) -> None:
        self._farewell = self._farewell or notice.severity_nonlocalized in ("FATAL", "PANIC")

    async def stirred(self, seconds: float) -> None:
        """Return when the server says something unasked, as it does at its end, or when it is late.

        It may also return without a reason.
        """
        loop, stirred = asyncio.get_running_loop(), asyncio.Event()
        number = self._required().fileno()
        loop.add_reader(number, stirred.set)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await stirred.wait()
        finally:
            loop.remove_reader(number)

    async def release(self) -> None:
        """Give the lock back, so that whoever asks when this returns can have it."""
        try:
            await self._row(self._required(), _UNLOCK)
        finally:
            await self.drop()

    async def drop(self) -> None:
        """Close the connection, whatever has become of it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connected(self, stack: AsyncExitStack) -> psycopg.AsyncConnection[Any]:
        arguments = {"connect_timeout": _CONNECT_SECONDS, **self._arguments}
        arguments["application_name"] = self._name
        try:
            connection = await psycopg.AsyncConnection.connect(
                **arguments,
                autocommit=True,
                prepare_threshold=None,
            )
        except psycopg.Error as error:
            raise unavailable(error, self.database) from None
        stack.push_async_callback(connection.close)
        return connection

    async def _other(self, connection: psycopg.AsyncConnection[Any]) -> Holder | None:
        """Who has the lock that we did not get; None if it is, or is about to be, free."""
        found = await self._row(connection, _HOLDER)
        if found is None:
            return None
        backend, name, _ = found
        known = _NAME.match(name)
        if known is not None and known["word"] == self._word:
            await self._row(connection, f"SELECT pg_terminate_backend({backend})")
            return None
        return _holder(found)

    async def _row(self, connection: psycopg.AsyncConnection[Any], statement: str) -> Any:
        try:
            cursor = await connection.execute(statement.encode())
            return await cursor.fetchone()
        except psycopg.Error as error:
            raise unavailable(error, self.database) from None

    def _required(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None:
            raise StorageUnavailable(f"the lock on {self.database} is not held")
        return self._connection


def _holder(row: tuple[int, str, str]) -> Holder:
    _, name, client = row
    known = _NAME.match(name)
    # The text is a stranger's, and PostgreSQL leaves nothing in it that a terminal would obey.
    return Holder(known["process"], known["host"]) if known else Holder(host=client)
