"""What a child does before it has a task."""

from __future__ import annotations

import socket

from sage_mail.confinement.serving import _rehearse


def test_a_rehearsal_while_nobody_waits() -> None:
    """An idle child gets ready for what may come, also where it cannot for all of it."""
    ours, theirs = socket.socketpair()
    done: list[str] = []

    def missing() -> None:
        raise ImportError

    with ours, theirs:
        _rehearse(theirs, [missing, lambda: done.append("first"), lambda: ours.send(b"task")])
        _rehearse(theirs, [lambda: done.append("while one waits")])
    assert done == ["first"]
