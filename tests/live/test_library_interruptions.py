"""Wherever an operation is interrupted: the connection goes on in step, or is said to be lost."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Generator
from functools import partial
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


class Cancellation:
    """A conversation whose task is cancelled at the *place*-th time that it waits.

    The cancellation comes while it waits or, *late*, when what it waits for is there but not taken
    yet. Places are counted, not timed: neither the server's pace nor the machine's moves them.
    """

    def __init__(self, client: aio.IMAPClient, place: int, *, late: bool = False) -> None:
        self._conversation = _converse(client)
        self._place = place
        self._late = late
        self.count = 0

    async def run(self) -> None:
        """The conversation, to its end or its cancellation."""
        await self

    def __await__(self) -> Generator[Any, Any, None]:
        step: Callable[[], Any] = partial(self._conversation.send, None)
        while True:
            try:
                awaited = step()
            except StopIteration:
                return
            self.count += 1
            if self.count == self._place:
                self._cancel(awaited)
            try:
                yield awaited
            except asyncio.CancelledError as error:
                step = partial(self._conversation.throw, error)
            else:
                step = partial(self._conversation.send, None)

    def _cancel(self, awaited: asyncio.Future[Any] | None) -> None:
        task = asyncio.current_task()
        assert task
        if self._late and awaited is not None:
            awaited.add_done_callback(lambda _done: task.cancel())
        else:
            task.cancel()


async def _is_in_step(client: aio.IMAPClient) -> bool:
    """Whether the client answers rightly; False where it says that the connection is lost."""
    if not client.connected:
        with pytest.raises(ConnectionLost, match="CancelledError"):
            await client.noop()
        return False
    await client.done()
    assert (await client.search()).parsed_ids == list(range(1, MAILS + 1))
    return True


async def test_cancelled_anywhere(config: IMAPConfig) -> None:
    """A task that is cancelled leaves a connection that is in step, or that is lost for good."""
    client = aio.IMAPClient(config)
    async with client:
        await client.select("INBOX")
        whole = Cancellation(client, 0)
        await whole.run()
    in_step = []
    for place in range(1, whole.count + 1):
        for late in (False, True):
            await client.connect()
            await client.select("INBOX")
            task = asyncio.ensure_future(Cancellation(client, place, late=late).run())
            await asyncio.wait({task})
            in_step.append((task.cancelled(), await _is_in_step(client)))
            await client.logout()
    assert (True, False) in in_step


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
