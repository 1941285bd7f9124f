"""What systemd is told, over a socket as it has one."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sage_mail.systemd import keep_watchdog_quiet, notify


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket of a service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield sock


def test_states_are_told(listener: socket.socket) -> None:
    """Each state is one datagram."""
    notify("READY=1")
    notify("STOPPING=1")
    assert [listener.recv(100), listener.recv(100)] == [b"READY=1", b"STOPPING=1"]


def test_the_abstract_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with an at sign is a name in Linux's abstract namespace."""
    name = f"sage-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        sock.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("READY=1")
        assert sock.recv(100) == b"READY=1"


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without systemd, or where it is gone, telling does nothing and raises nothing."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")


async def test_the_watchdog(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hears of us twice as often as it asks to, as long as the loop turns."""
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    barking = asyncio.create_task(keep_watchdog_quiet())
    for _ in range(3):
        assert await asyncio.to_thread(listener.recv, 100) == b"WATCHDOG=1"
    barking.cancel()
    await asyncio.wait({barking})


async def test_the_watchdog_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none watches, or one watches another process, nothing is kept up."""
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    await keep_watchdog_quiet()
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    await keep_watchdog_quiet()
