"""The transport that plays a script."""

from __future__ import annotations

import pytest

from sage_imap.errors import ConnectionLost
from sage_imap.operations.books import telling
from sage_imap.operations.effects import (
    EOF,
    TIMED_OUT,
    Now,
    Operation,
    Read,
    StartTLS,
    Write,
    read,
    write,
)
from sage_imap.protocol.sets import UIDSet
from sage_imap.transports.scripted import ScriptedTransport, ScriptError, parse_script


def test_lines_become_octets() -> None:
    """Marks, escapes and notes are told apart."""
    steps = parse_script(
        r"""
        a note
        >> * OK hi
        << A1 NOOP
        >> x\x00\\\n\c
        .. pass 2.5
        .. eof
        """
    )
    assert [(step.kind, step.data, step.seconds) for step in steps] == [
        (">>", b"* OK hi\r\n", 0.0),
        ("<<", b"A1 NOOP\r\n", 0.0),
        (">>", b"x\x00\\\n", 0.0),
        ("pass", b"", 2.5),
        ("eof", b"", 0.0),
    ]


def test_unknown_word() -> None:
    """A script with a slip is refused."""
    with pytest.raises(ValueError, match="sleep"):
        parse_script(".. sleep 3")


def test_plays() -> None:
    """What the server says comes when it is due, time passes, and the end stays the end."""
    transport = ScriptedTransport(
        """
        >> one
        >> two
        .. cut
        >> three
        << four
        << five
        .. tls
        .. pass 30
        .. silence
        .. eof
        """
    )
    assert transport.perform(Read(1)) == b"one\r\ntwo\r\n"
    assert transport.perform(Read(1)) == b"three\r\n"
    assert transport.perform(Write(b"fo")) is None
    assert transport.perform(Write(b"ur\r\nfive\r\n")) is None
    assert transport.perform(StartTLS()) is None
    assert transport.perform(Read(4)) is TIMED_OUT
    assert transport.perform(Now()) == 34.0
    assert transport.perform(Read(1)) is EOF
    assert transport.perform(Read(1)) is EOF
    assert transport.finished
    assert transport.sent == b"four\r\nfive\r\n"
    assert transport.fileno() == -1
    transport.close()


def test_chunks() -> None:
    """The same octets may come in small reads."""
    transport = ScriptedTransport(">> abcd", chunk=4)
    assert transport.perform(Read(1)) == b"abcd"
    assert not transport.finished
    assert transport.perform(Read(1)) == b"\r\n"


@pytest.mark.parametrize(
    ("script", "effect"),
    [
        ("<< A1 NOOP", Write(b"A1 LOGOUT\r\n")),
        (">> * OK", Write(b"A1 NOOP\r\n")),
        ("", Write(b"x")),
        ("<< A1 NOOP", Read(1.0)),
        ("", Read(1.0)),
        (">> * OK", StartTLS()),
    ],
)
def test_departures(script: str, effect: Write | Read | StartTLS) -> None:
    """Whatever the script does not have is an error of the test's."""
    with pytest.raises(ScriptError):
        ScriptedTransport(script).perform(effect)


def test_lost() -> None:
    """The network fails once, and the operation that it befalls can say what it had done."""

    def working() -> Operation[None]:
        assert (yield from read(1)) == b"one\r\n"
        with telling(lambda: UIDSet.of([1])):
            yield from write(b"two\r\n")

    transport = ScriptedTransport(">> one\n.. lost")
    with pytest.raises(ConnectionLost) as caught:
        transport.carry_out(working())
    assert caught.value.partial == UIDSet.of([1])
    assert transport.finished
