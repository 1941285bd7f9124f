"""Wherever an operation is interrupted: the connection goes on in step, or is said to be lost."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import sage_imap
from sage_imap import aio, services
from sage_imap.config import IMAPConfig
from sage_imap.errors import ConnectionLost
from sage_imap.models.message import MessageSet
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot]

MAILS = 5
ALL = MessageSet(f"1:{MAILS}")
PACKAGE = str(Path(sage_imap.__file__).parent)
PLACES = 20  # interruptions a test, spread evenly over the conversation


def settings(server: Dovecot, user: str, *, tls: bool) -> IMAPConfig:
    """The configuration of one connection to *server*."""
    return IMAPConfig(
        host="localhost",
        port=server.tls_port if tls else server.port,
        security="tls" if tls else "plain",
        ssl_context=server.client_context() if tls else None,
        username=user,
        password=PASSWORD,
        timeout=10.0,
    )


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def config(request: pytest.FixtureRequest, dovecot: Dovecot, dovecot_user: str) -> IMAPConfig:
    """The configuration of an account with a few mails in INBOX."""
    config = settings(dovecot, dovecot_user, tls=bool(request.param))
    with services.IMAPClient(config) as client:
        for number in range(MAILS):
            client.append("INBOX", b"Subject: %d\r\n\r\nText\r\n" % number)
    return config


async def _converse(client: aio.IMAPClient) -> None:
    await client.search()
    async for _ in client.iter_fetch(ALL, ["BODY[]"]):
        await client.noop()
    async with client.idle() as idle:
        await idle.wait(0)
    await client.fetch(ALL, ["FLAGS"])


async def _turns_of_all(client: aio.IMAPClient) -> int:
    task, turns = asyncio.ensure_future(_converse(client)), 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    await task
    return turns


async def test_cancelled_anywhere(config: IMAPConfig) -> None:
    """A task that is cancelled leaves a connection that is in step, or that is lost for good."""
    client = aio.IMAPClient(config)
    async with client:
        await client.select("INBOX")
        turns = await _turns_of_all(client)
    lost = 0
    for place in range(PLACES):
        await client.connect()
        await client.select("INBOX")
        task = asyncio.ensure_future(_converse(client))
        for _ in range(turns * place // PLACES):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        if client.connected:
            await client.done()
            assert (await client.search()).parsed_ids == list(range(1, MAILS + 1))
        else:
            lost += 1
            with pytest.raises(ConnectionLost, match="CancelledError"):
                await client.noop()
        await client.logout()
    assert lost


class Interruption:
    """Ctrl-C at the *place*-th line of the library that is executed in this thread."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.count = 0

    def __enter__(self) -> Interruption:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            self.count += 1
            if self.count == self.place:
                raise KeyboardInterrupt
        return self._trace


def _converse_blocking(client: services.IMAPClient) -> None:
    client.search()
    for _ in client.iter_fetch(ALL, ["BODY[]"]):
        client.noop()
    with client.idle() as idle:
        idle.wait(0)
    client.fetch(ALL, ["FLAGS"])


def _is_usable(client: services.IMAPClient) -> bool:
    """Whether the client answers rightly; False where it says that the connection is lost."""
    if not client.connected:
        with pytest.raises(ConnectionLost, match=r"KeyboardInterrupt|an interruption"):
            client.noop()
        return False
    client.done()
    assert client.search().parsed_ids == list(range(1, MAILS + 1))
    return True


def test_ctrl_c_anywhere(config: IMAPConfig) -> None:
    """Ctrl-C leaves a connection that is in step, or lost for good, and a client that goes on."""
    client = services.IMAPClient(config)
    with client:
        client.select("INBOX")
        with Interruption(0) as whole:
            _converse_blocking(client)
    usable = []
    for place in range(1, whole.count, whole.count // PLACES):
        with client:
            client.select("INBOX")
            with Interruption(place), contextlib.suppress(KeyboardInterrupt):
                _converse_blocking(client)
            usable.append(_is_usable(client))
    assert True in usable
    assert False in usable
