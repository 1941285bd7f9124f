"""A transport that plays a conversation from a script, without a network and without a clock.

A script has a line for each thing that happens::

    >> * OK [CAPABILITY IMAP4rev1 IDLE] hello     the server says this
    << A1 NOOP                                    the client is expected to say this
    >> A1 OK done
    .. silence                                    the client waits in vain, until its timeout
    .. pass 30                                    meanwhile so many seconds pass
    .. tls                                        the handshake is expected, and succeeds
    .. cut                                        what follows comes with another read
    .. eof                                        the server closes the connection
    .. lost                                       the network fails: the next wish is not fulfilled

Lines end in CRLF on the wire. ``\\r``, ``\\n`` and ``\\xNN`` stand for octets, ``\\\\`` for the
backslash; a line that ends in ``\\c`` has no CRLF. Lines without a mark are notes.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from sage_imap.errors import ConnectionLost
from sage_imap.operations.effects import (
    EOF,
    TIMED_OUT,
    Effect,
    Now,
    Operation,
    Read,
    Reply,
    StartTLS,
    Write,
)

__all__ = ["ScriptError", "ScriptedTransport", "Step", "parse_script"]

T = TypeVar("T")

_ESCAPE: Final = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))")
_OCTETS: Final = {b"r": b"\r", b"n": b"\n", b"\\": b"\\", b"c": b""}
_WORDS: Final = frozenset({"silence", "pass", "tls", "cut", "eof", "lost"})


class ScriptError(AssertionError):
    """The conversation did not go as the script has it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a script: ``kind`` is ``>>``, ``<<`` or a word; ``seconds`` is of ``pass``."""

    kind: str
    data: bytes = b""
    seconds: float = 0.0


def parse_script(script: str) -> list[Step]:
    """The steps of *script*; `ValueError` for a word that is none."""
    steps: list[Step] = []
    for line in script.splitlines():
        text = line.strip()
        if text.startswith((">>", "<<")):
            steps.append(Step(text[:2], _octets(text[2:].removeprefix(" "))))
        elif text.startswith(".."):
            word, _, number = text[2:].strip().partition(" ")
            if word not in _WORDS:
                raise ValueError(f"{word!r} is no word of a script")
            steps.append(Step(word, seconds=float(number or 0)))
    return steps


def _octets(text: str) -> bytes:
    data = text.encode()
    end = b"" if data.endswith(b"\\c") else b"\r\n"
    return _ESCAPE.sub(_octet, data) + end


def _octet(match: re.Match[bytes]) -> bytes:
    if match[1] is not None:
        return bytes([int(match[1], 16)])
    return _OCTETS[match[2]]


class ScriptedTransport:
    """Fulfils effects as *script* has it; raises `ScriptError` where the client departs from it.

    With *chunk*, what the server says comes in reads of at most so many octets. ``sent`` is all
    that the client said, ``now`` the seconds that have passed.
    """

    def __init__(self, script: str | Iterable[Step], *, chunk: int | None = None) -> None:
        self._steps = deque(parse_script(script) if isinstance(script, str) else script)
        self._chunk = chunk
        self._arriving = b""
        self._ended = False
        self.sent = b""
        self.now = 0.0

    @property
    def finished(self) -> bool:
        """Whether all of the script was played."""
        return not self._steps and not self._arriving

    def carry_out(self, operation: Operation[T]) -> T:
        """Drive *operation* to its end; its result."""
        try:
            effect = operation.send(None)
            while True:
                try:
                    reply = self.perform(effect)
                except ConnectionLost as error:
                    effect = operation.throw(error)
                else:
                    effect = operation.send(reply)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            operation.close()

    def perform(self, effect: Effect) -> Reply:
        """Fulfil *effect*; raises `ConnectionLost` where the script has the network fail."""
        if self._steps and self._steps[0].kind == "lost" and not isinstance(effect, Now):
            self._steps.popleft()
            raise ConnectionLost("the connection failed: the script has it so")
        match effect:
            case Write():
                self._take(effect.data)
            case Read():
                return self._read(effect.timeout)
            case StartTLS():
                self._due("tls", "the client begins the handshake")
                self._steps.popleft()
            case Now():
                return self.now
        return None

    def fileno(self) -> int:
        """No descriptor."""
        return -1

    def close(self) -> None:
        """Do nothing."""

    def _take(self, data: bytes) -> None:
        self.sent += data
        while data:
            self._due("<<", f"the client says {data!r}")
            expected = self._steps.popleft().data
            said, data = data[: len(expected)], data[len(expected) :]
            if not expected.startswith(said):
                raise ScriptError(f"the client says {said!r}, the script has {expected!r}")
            if len(said) < len(expected):
                self._steps.appendleft(Step("<<", expected[len(said) :]))

    def _read(self, timeout: float) -> Reply:
        self._let_pass()
        if not self._arriving:
            self._arriving = self._said()
        if self._arriving:
            size = self._chunk or len(self._arriving)
            data, self._arriving = self._arriving[:size], self._arriving[size:]
            return data
        kind = self._steps[0].kind if self._steps else None
        if kind == "silence":
            self._steps.popleft()
            self.now += timeout
            return TIMED_OUT
        if kind == "eof":
            self._steps.popleft()
            self._ended = True
        if self._ended:
            return EOF
        raise ScriptError(f"the client waits for the server; the script has {self._next()}")

    def _said(self) -> bytes:
        """What the server says before anything else happens."""
        said = b""
        while self._steps and self._steps[0].kind == ">>":
            said += self._steps.popleft().data
        if self._steps and self._steps[0].kind == "cut":
            self._steps.popleft()
        return said

    def _let_pass(self) -> None:
        while self._steps and self._steps[0].kind == "pass":
            self.now += self._steps.popleft().seconds

    def _due(self, kind: str, event: str) -> None:
        self._let_pass()
        if not self._steps or self._steps[0].kind != kind:
            raise ScriptError(f"{event}; the script has {self._next()}")

    def _next(self) -> str:
        return f"{self._steps[0].kind} {self._steps[0].data!r}" if self._steps else "ended"
