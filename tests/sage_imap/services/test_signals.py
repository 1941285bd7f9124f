"""Signal handlers that run at any line of the blocking shell."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from sage_imap.config import IMAPConfig
from sage_imap.services import IMAPClient
from sage_imap.services import driver as drivers
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot, pytest.mark.timeout(60)]


@pytest.fixture
def client(dovecot: Dovecot, dovecot_user: str) -> Iterator[IMAPClient]:
    """A client whose inbox is selected."""
    config = IMAPConfig(
        host=dovecot.host,
        port=dovecot.port,
        security="plain",
        username=dovecot_user,
        password=PASSWORD,
        timeout=10,
    )
    with IMAPClient(config) as client:
        client.select("INBOX")
        yield client


def _signal_at(place: int, call: Callable[[], object]) -> int:
    """Run *call* with a signal before the *place*-th line of the driver; how many lines ran."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename != drivers.__file__:
            return None
        if event == "line":
            count += 1
            if count == place:
                sys.settrace(None)
                signal.raise_signal(signal.SIGUSR1)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def test_done_of_a_signal_handler(client: IMAPClient) -> None:
    """Wherever the signal comes, nothing waits for itself, and the client goes on."""
    handler = signal.signal(signal.SIGUSR1, lambda *_: client.done())
    try:
        for call in (lambda: client.sock.fileno(), lambda: client.idle().wait(0.01)):
            client.idle()
            lines = _signal_at(0, call)
            client.done()
            for place in range(1, lines + 1):
                client.idle()
                _signal_at(place, call)
                client.done()
                client.noop()
    finally:
        signal.signal(signal.SIGUSR1, handler)
