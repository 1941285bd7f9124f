"""The listener of what is served over HTTP."""

from __future__ import annotations

import socket

import pytest

from sage_mail.console.server import address_of, listen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_small_answers_are_not_held_back(host: str) -> None:
    """What is accepted sends each write at once: a head, and a body that follows it."""
    with listen(host) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((host, port), timeout=10), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_address_that_can_be_opened() -> None:
    """The address names host and port as a URL wants them."""
    with listen() as listener:
        port = listener.getsockname()[1]
        assert address_of(listener) == f"http://127.0.0.1:{port}"
