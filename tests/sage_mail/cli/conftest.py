"""Fixtures of the tests of the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from tests.support.receiver import Answer, Receiver

__all__ = ["receiver"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on a thread of its own, since the verbs have their own loops."""
    running: list[Receiver] = []
    ready, over = Event(), Event()

    async def serve() -> None:
        async with Receiver(default=Answer(body=b"thank you")) as receiver:
            running.append(receiver)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(10)
    yield running[0]
    over.set()
    thread.join(10)
