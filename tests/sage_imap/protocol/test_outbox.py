"""Octets leave in order and stop where a literal waits."""

from __future__ import annotations

import pytest

from sage_imap.protocol.command import Literal
from sage_imap.protocol.extensions.literal_plus import largest_unasked
from sage_imap.protocol.outbox import Outbox, segments


@pytest.mark.parametrize(
    ("capabilities", "size", "parts"),
    [
        (set(), 5, [b"x {5}\r\n", b"aaaaa\r\n"]),
        (set(), 0, [b"x {0}\r\n", b"\r\n"]),
        ({"LITERAL+"}, 5, [b"x {5+}\r\naaaaa\r\n"]),
        ({"LITERAL-"}, 5, [b"x {5+}\r\naaaaa\r\n"]),
        ({"LITERAL-"}, 4096, [b"x {4096+}\r\n" + b"a" * 4096 + b"\r\n"]),
        ({"LITERAL-"}, 4097, [b"x {4097}\r\n", b"a" * 4097 + b"\r\n"]),
        ({"IMAP4REV2"}, 1, [b"x {1+}\r\na\r\n"]),
        ({"LITERAL+"}, 5000, [b"x {5000+}\r\n" + b"a" * 5000 + b"\r\n"]),
    ],
)
def test_literals_wait_unless_the_server_lets_them(
    capabilities: set[str], size: int, parts: list[bytes]
) -> None:
    """A literal is cut off where it has to wait for its continuation (RFC 7888)."""
    pieces: list[bytes | Literal] = [b"x ", Literal(b"a" * size), b"\r\n"]
    assert segments(pieces, unasked=largest_unasked(capabilities)) == parts


def test_binary_literals() -> None:
    """A literal8 has its tilde."""
    assert segments([Literal(b"\0", binary=True)], unasked=-1) == [b"~{1}\r\n", b"\0"]
    assert segments([Literal(b"\0", binary=True)], unasked=1) == [b"~{1+}\r\n\0"]


def test_the_queue_stands_still_at_a_literal() -> None:
    """Nothing passes a literal that waits, and each continuation lets one go."""
    outbox = Outbox()
    outbox.put(b"A1", [b"a {1}\r\n", b"x {1}\r\n", b"y\r\n"])
    outbox.put(b"A2", [b"b\r\n"])
    assert outbox.take() == b"a {1}\r\n"
    assert outbox.take() == b""
    assert outbox.go_on()
    assert outbox.take() == b"x {1}\r\n"
    assert outbox.go_on()
    assert outbox.take() == b"y\r\nb\r\n"
    assert not outbox.go_on()


def test_a_refused_literal_is_dropped() -> None:
    """A command that is over while its literal waits sends nothing more; the next one goes."""
    outbox = Outbox()
    outbox.put(b"A1", [b"a {1}\r\n", b"x\r\n"])
    outbox.put(b"A2", [b"b\r\n"])
    outbox.take()
    outbox.drop(b"A1")
    assert outbox.take() == b"b\r\n"


def test_a_literal_that_was_asked_for_is_sent() -> None:
    """Octets that the server counts on are sent even if the command is over already."""
    outbox = Outbox()
    outbox.put(b"A1", [b"a {1}\r\n", b"x\r\n"])
    outbox.take()
    outbox.go_on()
    outbox.drop(b"A1")
    assert outbox.take() == b"x\r\n"


def test_a_command_that_was_not_begun_is_dropped() -> None:
    """A command whose octets never left leaves nothing behind."""
    outbox = Outbox()
    outbox.put(b"A1", [b"a\r\n"])
    outbox.drop(b"A1")
    outbox.put(b"A2", [b"b\r\n"])
    outbox.clear()
    assert outbox.take() == b""
