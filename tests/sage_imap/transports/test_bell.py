"""A bell ends waits: one that goes on, or else the next."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sage_imap.transports.bell import Bell


@pytest.fixture
def link() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets that are connected to each other."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def bell() -> Iterator[Bell]:
    """A bell that nobody has waited for."""
    bell = Bell()
    yield bell
    bell.close()
    bell.close()


Link = tuple[socket.socket, socket.socket]


def test_descriptors_are_given_back(link: Link) -> None:
    """It takes none before somebody waits, and leaves none behind."""

    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    bell, before = Bell(), count()
    bell.ring()
    assert count() == before
    bell.wait(link[0], 0)
    assert count() > before
    bell.close()
    assert count() == before


def test_silence_and_data(bell: Bell, link: Link) -> None:
    """A wait ends in vain where nothing comes, and with what comes."""
    assert not bell.wait(link[0], 0)
    link[1].send(b"x")
    assert bell.wait(link[0], 60)


@pytest.mark.parametrize("before", [True, False], ids=["before the first wait", "after it"])
def test_rung_in_advance(bell: Bell, link: Link, before: bool) -> None:
    """Nobody sleeps on a bell that rang before he came, and it rings for one wait alone."""
    if not before:
        assert not bell.wait(link[0], 0)
    for _ in range(3):
        bell.ring()
    assert not bell.wait(link[0], 60)
    assert not bell.wait(link[0], 0.01)
    link[1].send(b"x")
    assert bell.wait(link[0], 60)


def test_rung_meanwhile(bell: Bell, link: Link) -> None:
    """A wait ends when the bell rings."""
    ringing = threading.Timer(0.05, bell.ring)
    ringing.start()
    assert not bell.wait(link[0], 60)
    ringing.join()


def test_descriptor(bell: Bell, link: Link) -> None:
    """What stands for both is readable while the bell rings, or the socket is readable."""

    def readable() -> bool:
        return bool(select.select([bell.fileno(link[0])], [], [], 0)[0])

    bell.ring()
    assert readable()
    bell.silence()
    assert not readable()
    bell.ring()
    assert readable()
    bell.silence()
    link[1].send(b"x")
    assert readable()
    link[0].recv(1)
    assert not readable()


def test_more_rings_than_the_pair_holds(bell: Bell, link: Link) -> None:
    """Whoever rings never waits."""
    assert not bell.wait(link[0], 0)
    for _ in range(5000):
        bell.ring()
    assert not bell.wait(link[0], 60)
    assert not bell.wait(link[0], 0)


def test_a_ring_that_comes_late(bell: Bell, link: Link) -> None:
    """An octet of a ring that was silenced already is no news, and nobody runs in circles."""
    assert not bell.wait(link[0], 0)
    bell.ring()
    bell._rung = False  # as where the wait ends between a ring's mark and its octet
    assert not bell.wait(link[0], 0.05)
    bell.ring()
    bell._rung = False
    link[1].send(b"x")
    assert bell.wait(link[0], 60)
