"""Telling systemd that the service is ready, that it stops, and that it lives.

The protocol is a datagram to the socket in ``NOTIFY_SOCKET`` (systemd's manual, sd_notify(3)); a
name that begins with ``@`` is in Linux's abstract namespace. Elsewhere nothing is told.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress

__all__ = ["keep_watchdog_quiet", "notify"]


def notify(state: str) -> None:
    """Tell the state (``READY=1``), if systemd has asked for it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    # Nobody who listens is no reason to fail.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.send(state.encode())


async def keep_watchdog_quiet() -> None:
    """Tell that the event loop turns, twice as often as systemd asks for it, until cancelled.

    Returns at once where it does not ask.
    """
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or os.environ.get("WATCHDOG_PID", "") not in (
        "",
        str(os.getpid()),
    ):
        return
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(int(microseconds) / 2_000_000)
