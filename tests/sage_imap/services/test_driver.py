"""What the blocking driver promises where threads, forks and slips meet one connection."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sage_imap.config import IMAPConfig
from sage_imap.errors import ConnectionLost, LocalProtocolError
from sage_imap.operations.effects import Operation, now
from sage_imap.operations.session import Session
from sage_imap.services import IMAPClient
from tests.support.script_server import HELLO, ScriptServer

LOGIN = f'>> {HELLO}\n<< A1 LOGIN "ann" "pw"\n>> A1 OK [CAPABILITY IMAP4rev1 IDLE] in\n'


@contextmanager
def signed_in(script: str) -> Iterator[IMAPClient]:
    """A client at a server that plays *script* from then on."""
    with ScriptServer(LOGIN + script + "\n.. silence") as server:
        client = IMAPClient(
            IMAPConfig(
                host="127.0.0.1",
                port=server.port,
                security="plain",
                username="ann",
                password="pw",
                timeout=20.0,
            )
        ).connect()
        try:
            yield client
        finally:
            client.close()


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_a_descriptor_is_closed_once_nobody_uses_it() -> None:
    """Another socket cannot get the number while a thread may still read from it."""
    entered, resume = threading.Event(), threading.Event()
    caught: list[Exception] = []

    def paused(session: Session) -> Operation[None]:
        entered.set()
        resume.wait(20)
        yield from now()

    def run() -> None:
        with pytest.raises(ConnectionLost, match="it was closed") as error:
            client.run(paused)
        caught.append(error.value)

    with signed_in("") as client:
        transport = client._driver.check_open()
        descriptor = transport._socket.fileno()
        thread = threading.Thread(target=run)
        thread.start()
        assert entered.wait(20)
        client.close()
        assert not client.connected
        assert _is_open(descriptor)
        resume.set()
        thread.join(20)
        assert caught
        assert transport._socket.fileno() == -1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork() -> None:
    """A forked process is refused, and its closing does not end the connection of its parent."""
    with signed_in("<< A2 NOOP\n>> A2 OK done") as client:
        child = os.fork()
        if child == 0:
            refused = 1
            try:
                client.noop()
            except LocalProtocolError:
                client.logout()
                refused = 0
            finally:
                os._exit(refused)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        client.noop()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_while_the_connection_is_busy() -> None:
    """A forked process does not wait for a thread that it does not have."""
    entered, resume = threading.Event(), threading.Event()

    def paused(session: Session) -> Operation[None]:
        entered.set()
        resume.wait(20)
        yield from now()

    with signed_in("<< A2 NOOP\n>> A2 OK done") as client:
        thread = threading.Thread(target=client.run, args=[paused])
        thread.start()
        assert entered.wait(20)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                client.noop()
            except LocalProtocolError:
                client.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        resume.set()
        thread.join(20)
        client.noop()
