"""A wait for news is ended from elsewhere: by another thread, another task, a signal handler."""

from __future__ import annotations

import asyncio
import os
import resource
import select
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

import pytest
import trustme

from sage_imap.config import IMAPConfig
from sage_imap.errors import ConnectionLost
from sage_imap.protocol.events import Event, ExistsReceived
from sage_imap.services import IdleSession, IMAPClient
from tests.support.script_server import HELLO, ScriptServer
from tests.support.shells import SHELLS, connected

LOGIN = (
    f'>> {HELLO}\n<< A1 LOGIN "ann" "pw"\n>> A1 OK [CAPABILITY IMAP4rev1 IDLE] in\n'
    '<< A2 SELECT "INBOX"\n>> A2 OK done\n'
)
HELD = LOGIN + "<< A3 IDLE\n>> + idling\n"
ENDED = HELD + "<< DONE\n>> A3 OK done\n"
PROMPT = 8.0  # seconds; whoever is not woken waits for a minute, or for the timeout of 30 seconds


@contextmanager
def serving(script: str, *, tls: bool = False) -> Iterator[IMAPConfig]:
    """The configuration of a client of a server that plays *script*."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with ScriptServer(script + ".. silence", context=context, implicit=tls) as server:
        yield IMAPConfig(
            host="localhost",
            port=server.port,
            security="tls" if tls else "plain",
            ssl_context=trusting,
            username="ann",
            password="pw",
            timeout=30.0,
        )


@contextmanager
def idling(config: IMAPConfig) -> Iterator[tuple[IMAPClient, IdleSession]]:
    """A blocking client in IDLE."""
    client = IMAPClient(config).connect()
    client.select("INBOX")
    try:
        yield client, client.idle()
    finally:
        client.close()


class Waiting:
    """A thread that runs *wait* and has a moment for it; its outcome, and when it came."""

    def __init__(self, wait: Callable[[], object]) -> None:
        self._wait = wait
        self.outcome: object = None
        self.ended = 0.0
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._begun.wait(20)
        self._thread.join(0.1)
        assert self._thread.is_alive()

    def _run(self) -> None:
        self._begun.set()
        try:
            self.outcome = self._wait()
        except ConnectionLost as error:
            self.outcome = error
        self.ended = time.monotonic()

    def seconds_after(self, moment: float) -> float:
        """How long after *moment* it ended."""
        self._thread.join(20)
        assert not self._thread.is_alive(), "nothing woke it"
        return self.ended - moment


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
class TestThreads:
    """From another thread, on plain links and in TLS alike."""

    def test_done_ends_a_wait(self, tls: bool) -> None:
        """The wait returns at once, IDLE is over, and the connection goes on."""
        script = ENDED + "<< A4 NOOP\n>> A4 OK done\n"
        with serving(script, tls=tls) as config, idling(config) as (client, idle):
            waiting = Waiting(lambda: idle.wait(60))
            began = time.monotonic()
            client.done()
            assert waiting.seconds_after(began) < PROMPT
            assert waiting.outcome == []
            assert not idle.held
            assert idle.wait(60) == []
            client.noop()

    def test_news_beside_a_wait(self, tls: bool) -> None:
        """Whoever asks what has come by now does not wait for the thread that waits for more."""
        with serving(ENDED, tls=tls) as config, idling(config) as (client, idle):
            waiting = Waiting(lambda: idle.wait(60))
            began = time.monotonic()
            assert client.response() == ("IDLE", [])
            assert time.monotonic() - began < PROMPT
            client.done()
            assert waiting.seconds_after(began) < PROMPT

    def test_done_ends_an_iteration(self, tls: bool) -> None:
        """What came before is told, and the loop ends."""
        script = HELD + ">> * 3 EXISTS\n<< DONE\n>> * 4 EXISTS\\r\\nA3 OK done\n"
        with serving(script, tls=tls) as config, idling(config) as (_, idle):
            told: list[Event] = []
            waiting = Waiting(lambda: told.extend(idle))
            began = time.monotonic()
            idle.done()
            assert waiting.seconds_after(began) < PROMPT
            assert told == [ExistsReceived(3), ExistsReceived(4)]

    def test_logout_ends_a_wait(self, tls: bool) -> None:
        """Whoever waited sees the end of IDLE, and the server is told good-bye."""
        script = ENDED + "<< A4 LOGOUT\n>> * BYE bye\\r\\nA4 OK bye\n"
        with serving(script, tls=tls) as config, idling(config) as (client, idle):
            waiting = Waiting(lambda: list(idle))
            began = time.monotonic()
            client.logout()
            assert waiting.seconds_after(began) < PROMPT
            assert waiting.outcome == []
            assert not client.connected

    def test_close_ends_a_wait(self, tls: bool) -> None:
        """Whoever waited is told that the connection was closed here."""
        with serving(HELD, tls=tls) as config, idling(config) as (client, idle):
            waiting = Waiting(lambda: idle.wait(60))
            began = time.monotonic()
            client.close()
            assert waiting.seconds_after(began) < PROMPT
            assert isinstance(waiting.outcome, ConnectionLost)
            assert "it was closed" in str(waiting.outcome)

    @pytest.mark.parametrize("how", ["done", "logout", "close"])
    def test_a_select_loop(self, tls: bool, how: str) -> None:
        """A thread that selects on the client's socket is woken by each of them."""
        script = ENDED + "<< A4 LOGOUT\n>> * BYE bye\\r\\nA4 OK bye\n"
        with serving(script, tls=tls) as config, idling(config) as (client, _):
            while select.select([client.sock], [], [], 0.1)[0]:  # session tickets of TLS 1.3
                assert client.response()[1] == []
            sock = client.sock
            waiting = Waiting(lambda: select.select([sock], [], [], 60)[0])
            began = time.monotonic()
            getattr(client, how)()
            assert waiting.seconds_after(began) < PROMPT
            assert isinstance(waiting.outcome, list)

    def test_part_of_a_record_does_not_hold_up(self, tls: bool) -> None:
        """Half a response is no reason not to be woken."""
        script = HELD + ">> * 3 EXI\\c\n<< DONE\n>> STS\\r\\nA3 OK done\n"
        with serving(script, tls=tls) as config, idling(config) as (_, idle):
            waiting = Waiting(lambda: idle.wait(60))
            began = time.monotonic()
            idle.done()
            assert waiting.seconds_after(began) < PROMPT
            assert waiting.outcome == [ExistsReceived(3)]


def test_idle_begun_anew_after_it_was_ended() -> None:
    """The next IDLE waits: that one was ended says nothing of another."""
    script = ENDED + "<< A4 IDLE\n>> + idling\n"
    with serving(script) as config, idling(config) as (client, first):
        client.done()
        with client.idle() as second:
            assert second is not first
            began = time.monotonic()
            assert not select.select([client.sock], [], [], 0.1)[0]
            assert second.wait(0.1) == []
            assert time.monotonic() - began > 0.19
            client.close()


def test_many_descriptors() -> None:
    """A wait needs no descriptor below 1024, which is all that select knows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(1050)]
    try:
        with serving(ENDED) as config, idling(config) as (client, idle):
            assert client.sock.fileno() > 1024
            waiting = Waiting(lambda: idle.wait(60))
            began = time.monotonic()
            client.done()
            assert waiting.seconds_after(began) < PROMPT
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_signal_handler() -> None:
    """A handler that runs in the very thread that waits may end the wait, too."""
    with serving(ENDED + "<< A4 NOOP\n>> A4 OK done\n") as config, idling(config) as (client, idle):

        def stop(number: int, frame: FrameType | None) -> None:
            client.done()

        before = signal.signal(signal.SIGALRM, stop)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            began = time.monotonic()
            assert list(idle) == []
            assert time.monotonic() - began < 0.1 + PROMPT
        finally:
            signal.signal(signal.SIGALRM, before)
        client.noop()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("how", ["done", "logout", "close"])
async def test_from_another_task(shell: str, how: str) -> None:
    """Both shells end a wait at once, whoever asks for it."""
    script = ENDED + "<< A4 LOGOUT\n>> * BYE bye\\r\\nA4 OK bye\n"
    with serving(script) as config:
        async with connected(shell, config) as client:
            await client.select("INBOX")
            async with client.idle() as idle:
                waiting = asyncio.ensure_future(idle.wait(60))
                assert not (await asyncio.wait({waiting}, timeout=0.1))[0]
                began = time.monotonic()
                await getattr(client, how)()
                if how == "close":
                    with pytest.raises(ConnectionLost, match="it was closed"):
                        await waiting
                else:
                    assert await waiting == []
                assert time.monotonic() - began < PROMPT
                assert not idle.held


@pytest.mark.parametrize("shell", SHELLS)
async def test_nothing_is_sent_behind_a_logout(shell: str) -> None:
    """While the client takes leave it is of no use any more, to whoever waited or comes now."""
    with serving(HELD + "<< DONE\n") as config:
        async with connected(shell, config) as client:
            await client.select("INBOX")
            async with client.idle() as idle:
                waiting = asyncio.ensure_future(idle.wait(60))
                assert not (await asyncio.wait({waiting}, timeout=0.1))[0]
                leaving = asyncio.ensure_future(client.logout())
                assert not (await asyncio.wait({leaving}, timeout=0.1))[0]
                assert not client.connected
                for call in (client.noop, client.search):
                    with pytest.raises(ConnectionLost, match="is logging out") as caught:
                        await call()
                    assert caught.value.outcome_known
                await client.close()
                with pytest.raises(ConnectionLost, match="it was closed"):
                    await waiting
                await leaving


def test_nothing_is_sent_by_whoever_waited() -> None:
    """The thread whose loop over news ends because of a logout has no connection any more."""
    script = ENDED + "<< A4 LOGOUT\n>> * BYE bye\\r\\nA4 OK bye\n"

    def wait_and_go_on(client: IMAPClient, idle: IdleSession) -> None:
        assert list(idle) == []
        client.noop()

    for _ in range(10):
        with serving(script) as config, idling(config) as (client, idle):
            waiting = Waiting(partial(wait_and_go_on, client, idle))
            began = time.monotonic()
            client.logout()
            assert waiting.seconds_after(began) < PROMPT
            assert isinstance(waiting.outcome, ConnectionLost)


def test_a_loop_that_meets_a_logout() -> None:
    """A loop that turns to the next news between the two halves of a logout ends all the same."""
    with serving(HELD) as config, idling(config) as (client, idle):
        client._driver.leave()
        assert list(idle) == []


@pytest.mark.parametrize("shell", SHELLS)
async def test_a_connection_behind_a_logout(shell: str) -> None:
    """Whoever connects anew has a client that is as good as new."""
    script = LOGIN + "<< A3 LOGOUT\n>> * BYE bye\\r\\nA3 OK bye\n"
    with serving(script) as config:
        async with connected(shell, config) as client:
            await client.select("INBOX")
            await client.logout()
            with pytest.raises(ConnectionLost, match="it was closed"):
                await client.noop()
            await client.connect()
            assert client.connected
            await client.select("INBOX")


@pytest.mark.parametrize("shell", SHELLS)
async def test_sharing(shell: str) -> None:
    """Two that begin IDLE at once hold the same."""
    with serving(ENDED) as config:
        async with connected(shell, config) as client:
            await client.select("INBOX")
            await asyncio.gather(client.idle().__aenter__(), client.idle().__aenter__())
            await client.done()
