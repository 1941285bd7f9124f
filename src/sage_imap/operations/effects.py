"""What an operation may wish for, and how its wishes are spoken.

An operation is a generator: it yields an effect and is sent the reply. Only the functions of this
module hold a bare ``yield``; everything else says ``yield from``.

========================  =====================================================
effect                    reply
========================  =====================================================
`Write` (octets)          None, once they are handed to the operating system
`Read` (timeout)          octets, which the next effect may overwrite; `EOF`; or
                          `TIMED_OUT` after *timeout* seconds, and where it is
                          *wakeable*, as soon as somebody wants the wait to end
`StartTLS`                None, once the handshake is done
`Now`                     seconds on a clock that only goes forward
========================  =====================================================

Where a wish cannot be fulfilled, `ConnectionLost` is thrown into the operation, so that it can say
in the error's ``partial`` what it had done; any other interruption closes it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

__all__ = [
    "EOF",
    "TIMED_OUT",
    "Effect",
    "Now",
    "Operation",
    "Outcome",
    "Read",
    "Reply",
    "StartTLS",
    "Write",
    "now",
    "read",
    "start_tls",
    "write",
]


class Outcome(Enum):
    """What a `Read` may bring instead of octets."""

    EOF = "the peer closed the stream"
    TIMED_OUT = "nothing came in time"


EOF: Final = Outcome.EOF
TIMED_OUT: Final = Outcome.TIMED_OUT


@dataclass(frozen=True, slots=True)
class Write:
    """Send *data*."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Read:
    """Receive what there is; wait at most *timeout* seconds for the first octet.

    A *wakeable* one may bring `TIMED_OUT` earlier, so that whoever asked looks round. With *bulk*,
    as when a body is on its way, as much as there is may come at once; else a moderate part of it.
    """

    timeout: float
    wakeable: bool = False
    bulk: bool = False


@dataclass(frozen=True, slots=True)
class StartTLS:
    """Do the TLS handshake on the open connection."""


@dataclass(frozen=True, slots=True)
class Now:
    """Tell the time."""


Effect = Write | Read | StartTLS | Now
Reply = bytes | memoryview | Outcome | float | None
T = TypeVar("T")
Operation = Generator[Effect, Reply, T]


def write(data: bytes) -> Operation[None]:
    """Send *data*."""
    yield Write(data)


def read(
    timeout: float, *, wakeable: bool = False, bulk: bool = False
) -> Operation[bytes | memoryview | Outcome]:
    """Octets, to be used at once; `EOF` or `TIMED_OUT`."""
    reply = yield Read(timeout, wakeable, bulk)
    assert isinstance(reply, bytes | memoryview | Outcome)
    return reply


def start_tls() -> Operation[None]:
    """Secure the connection."""
    yield StartTLS()


def now() -> Operation[float]:
    """Seconds on a clock that only goes forward; differences alone have a meaning."""
    reply = yield Now()
    assert isinstance(reply, float)
    return reply
