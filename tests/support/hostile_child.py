"""A child that does what it is told: all that a parser may come to, for tests of confinement."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable

from sage_mail.confinement.serving import Tell, serve


def _hang(_: bytes) -> bytes:
    while True:
        pass


def _hang_in_c(_: bytes) -> bytes:
    """Hold the interpreter's lock for ever, as a parser written in C may."""
    ctypes.PyDLL(None).sleep(3600)
    return b""


def _regex(body: bytes) -> bytes:
    return str(bool(re.match(rb"(\w+\s?)+$", body))).encode()


def _allocate(_: bytes) -> bytes:
    return str(len(bytearray(4 * 1024**3))).encode()


def _segfault(_: bytes) -> bytes:
    ctypes.string_at(0)
    return b""


def _exit(_: bytes) -> bytes:
    os._exit(3)


def _lie(_: bytes) -> bytes:
    socket.socket(fileno=os.dup(0)).sendall(b"\x01" + b"\xff" * 8)
    time.sleep(60)
    return b""


def _write(body: bytes) -> bytes:
    with open(body.decode(), "wb") as file:  # noqa: PTH123
        file.write(b"x")
    return b"written"


def _survey(_: bytes) -> bytes:
    facts = {
        "env": sorted(os.environ),
        "cwd": os.getcwd(),  # noqa: PTH109
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "memory": resource.getrlimit(resource.RLIMIT_AS),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "sigint": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
        "argv": sys.argv[1:],
        "threads": threading.active_count(),
    }
    return repr(facts).encode()


_TASKS: dict[bytes, Callable[[bytes], bytes]] = {
    b"echo": lambda body: body,
    b"hang": _hang,
    b"hang-in-c": _hang_in_c,
    b"regex": _regex,
    b"allocate": _allocate,
    b"segfault": _segfault,
    b"raise": lambda body: b"%d" % int(body),
    b"exit": _exit,
    b"lie": _lie,
    b"long": lambda _: b"x" * 2_000_000,
    b"write": _write,
    b"survey": _survey,
    b"pid": lambda _: str(os.getpid()).encode(),
}


def _handle(asked: bytes, body: bytes, tell: Tell) -> bytes:
    """Tell the body first where the task begins with a plus."""
    if asked.startswith(b"+"):
        tell(b"old")
        tell(body)
    return _TASKS[asked.removeprefix(b"+")](body)


if __name__ == "__main__":
    serve(_handle)
