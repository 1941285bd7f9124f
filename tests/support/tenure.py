"""A place on the database that a test takes away and gives back, and the end of a real one."""

from __future__ import annotations

import asyncio
import time

import psycopg

from sage_mail.errors import StorageUnavailable

__all__ = ["KEY", "Wavering", "end_lock", "locks"]

# The number of the advisory lock, as the objid of pg_locks.
KEY = 0x5A6E_0002

_HELD = """
FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def locks(url: str) -> int:
    """How many sessions have the lock of a service on the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT count(*)" + _HELD, [KEY]).fetchone()
    assert row is not None
    return int(row[0])


def end_lock(url: str) -> None:
    """End the session that has the lock, and return when the server has released it."""
    with psycopg.connect(url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pid, pg_terminate_backend(pid) " + _HELD,
            [KEY],
        ).fetchall()
        pids = [pid for pid, _ in ended]
        there = "SELECT pid FROM pg_locks WHERE pid = ANY(%s)"
        while connection.execute(there, [pids]).fetchall():
            time.sleep(0.01)  # nothing tells when it is gone


class Wavering:
    """A tenure: certain at first, until `lose`, and again from `regain` on.

    ``asked`` is set when somebody waits for it, ``refused`` when somebody was told not to begin.
    With *slips* it is lost and regained once, when somebody is about to begin.
    """

    def __init__(self, *, slips: bool = False) -> None:
        self.number = 0
        self._slips = slips
        self.asked = asyncio.Event()
        self.refused = asyncio.Event()
        self._held = asyncio.Event()
        self._held.set()

    @property
    def is_certain(self) -> bool:
        return self._held.is_set()

    def lose(self) -> None:
        self.number += 1
        self._held.clear()

    def regain(self) -> None:
        self._held.set()

    async def begun(self) -> int:
        if not self.is_certain:
            self.asked.set()
            await self._held.wait()
        return self.number

    async def allows(self, number: int) -> bool:
        if self._slips:
            self._slips = False
            self.number += 1
        allowed = self.is_certain and number == self.number
        if not allowed:
            self.refused.set()
        return allowed

    async def require(self, number: int) -> None:
        if not await self.allows(number):
            raise StorageUnavailable("somebody else may have had the place")

    async def run(self) -> None:
        await asyncio.Event().wait()
