"""What both shells promise of a connection: one typed error in time, never a hang."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import trustme

from sage_imap import aio, services
from sage_imap.config import IMAPConfig
from sage_imap.errors import (
    ConcurrencyError,
    ConfigurationError,
    ConnectionLost,
    IMAPError,
    LocalProtocolError,
    OperationTimeout,
    RemoteProtocolError,
    ServerClosing,
    TLSFailed,
    TLSRequired,
)
from sage_imap.models.message import MessageSet
from sage_imap.operations import messages
from sage_imap.operations.books import telling
from sage_imap.operations.effects import Operation, now
from sage_imap.operations.session import Session
from sage_imap.protocol.sets import UIDSet
from tests.support.faultproxy import FaultProxy
from tests.support.script_server import HELLO, ScriptServer
from tests.support.shells import SHELLS, connected, unconnected

LOGIN = (
    f'>> {HELLO}\n<< A1 LOGIN "ann" "secret"\n>> A1 OK [CAPABILITY IMAP4rev1 IDLE LITERAL+] in\n'
)

STARTTLS = ">> * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\n<< A1 STARTTLS\n>> A1 OK begin\n"


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """The name of a shell."""
    return str(request.param)


def _config(port: int, **more: Any) -> IMAPConfig:
    return IMAPConfig(
        **{
            "host": "127.0.0.1",
            "port": port,
            "security": "plain",
            "username": "ann",
            "password": "secret",
            "timeout": 5.0,
            "connect_timeout": 5.0,
            **more,
        }
    )


async def _failure(client: Any) -> IMAPError:
    with pytest.raises(IMAPError) as caught:
        await client.connect()
    assert not client.connected
    return caught.value


# Deadlines and ends


async def test_deaf_link(shell: str) -> None:
    """A link that goes deaf is given up within the timeout; then nothing is sent any more."""
    with (
        ScriptServer(LOGIN + "<< A2 NOOP\n>> A2 OK done\n.. silence") as server,
        FaultProxy("127.0.0.1", server.port) as proxy,
    ):
        async with connected(shell, _config(proxy.port, timeout=2.0)) as client:
            await client.noop()
            proxy.deafen()
            began = time.monotonic()
            with pytest.raises(OperationTimeout):
                await client.noop()
            assert time.monotonic() - began < 20
            assert not client.connected
            with pytest.raises(ConnectionLost, match="OperationTimeout") as caught:
                await client.noop()
            assert caught.value.outcome_known


async def test_no_greeting(shell: str) -> None:
    """A server that accepts and is silent costs no more than the timeout."""
    with ScriptServer(".. silence") as server:
        client = unconnected(shell, _config(server.port, timeout=0.2))
        assert isinstance(await _failure(client), OperationTimeout)


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_silent_handshake(shell: str, security: str) -> None:
    """A handshake that is not answered has a deadline as well."""
    script = "" if security == "tls" else STARTTLS
    with ScriptServer(script + ".. silence") as server:
        config = _config(server.port, security=security, timeout=0.3, connect_timeout=0.3)
        assert isinstance(await _failure(unconnected(shell, config)), OperationTimeout)


async def test_nobody_there(shell: str) -> None:
    """A port that is closed, and a name that nobody has, are a lost connection."""
    with ScriptServer(".. eof") as server:
        port = server.port
    refused = await _failure(unconnected(shell, _config(port)))
    assert isinstance(refused, ConnectionLost)
    assert refused.retryable
    for host in ("no-such-host.invalid", "x" * 70 + ".invalid"):
        unknown = await _failure(unconnected(shell, _config(port, host=host)))
        assert isinstance(unknown, ConnectionLost)


SMALL = (
    LOGIN
    + '<< A2 SELECT "INBOX"\n>> * 2 EXISTS\n>> * OK [UIDVALIDITY 7] valid\n>> A2 OK done\n'
    + "<< A3 UID FETCH 1:2 (UID FLAGS)\n>> * 1 FETCH (UID 1 FLAGS ())\n"
    + ">> * 2 FETCH (UID 2 FLAGS (\\\\Seen))\n>> A3 OK done\n"
    + "<< A4 LOGOUT\n>> * BYE bye\n>> A4 OK bye\n"
)


async def test_cut_anywhere(shell: str) -> None:
    """Wherever the stream ends, there is one typed error, at once."""
    complete = sum(
        len(line[3:]) + 2 - line.count("\\\\") for line in SMALL.splitlines() if line[:2] == ">>"
    )
    before_logout = complete - len("* BYE bye\r\nA4 OK bye\r\n")
    outcomes: dict[int, IMAPError | None] = {}
    with ScriptServer(SMALL) as server, FaultProxy("127.0.0.1", server.port) as proxy:
        for count in range(1, complete + 1, 1 if shell == "asyncio" else 3):
            proxy.cut_after(count)
            outcomes[count] = await _small_session(shell, _config(proxy.port))
    for count, error in outcomes.items():
        if count >= before_logout:
            assert error is None, count
        else:
            assert isinstance(error, ConnectionLost), (count, error)
            assert not isinstance(error, OperationTimeout), count


async def _small_session(shell: str, config: IMAPConfig) -> IMAPError | None:
    try:
        async with connected(shell, config) as client:
            await client.select("INBOX")
            rows = await client.fetch(MessageSet("1:2"), ["FLAGS"])
            assert [row.uid for row in rows] == [1, 2]
    except IMAPError as error:
        return error
    return None


async def test_last_words(shell: str) -> None:
    """BYE is read even where the link fails under the next command."""
    with ScriptServer(LOGIN + ">> * BYE [UNAVAILABLE] maintenance\n.. eof") as server:
        async with connected(shell, _config(server.port)) as client:
            await asyncio.sleep(0.05)
            with pytest.raises(ServerClosing) as caught:
                await client.noop()
            assert caught.value.code == "UNAVAILABLE"


async def test_reset(shell: str) -> None:
    """RST is the end of the connection like any other."""
    with (
        ScriptServer(LOGIN + ".. silence") as server,
        FaultProxy("127.0.0.1", server.port) as proxy,
    ):
        async with connected(shell, _config(proxy.port)) as client:
            proxy.reset()
            with pytest.raises(ConnectionLost):
                await client.noop()


async def test_server_that_talks_while_it_is_written_to(shell: str) -> None:
    """Much from the server during a large APPEND does not lock the two against each other."""
    chatter = f">> * OK {'x' * 60_000}\n"
    size = 4_000_000
    script = LOGIN + f'<< A2 APPEND "INBOX" {{{size}+}}\n' + chatter * 40
    with ScriptServer(script + f"<< {'y' * size}\n>> A2 OK done\n.. silence") as server:
        async with connected(shell, _config(server.port)) as client:
            await client.append("INBOX", b"y" * size)


async def test_server_that_does_not_read(shell: str) -> None:
    """A server that takes nothing any more is given up; a slow one that takes a little is not."""
    with (
        ScriptServer(LOGIN + ".. pass 1\n" + "<< A2 APPEND\n.. silence") as server,
        FaultProxy("127.0.0.1", server.port) as proxy,
    ):
        async with connected(shell, _config(proxy.port, timeout=2.0)) as client:
            proxy.deafen()
            with pytest.raises(OperationTimeout):
                await client.append("INBOX", b"y" * 20_000_000)


def _heavy(session: Session) -> Operation[None]:
    with telling(lambda: UIDSet.of([1])):
        yield from messages.append(session, "INBOX", b"y" * 20_000_000)


async def test_what_was_done_before_the_network_failed(shell: str) -> None:
    """An operation whose wish is not fulfilled says in the error what it had done."""
    with (
        ScriptServer(LOGIN + ".. pass 1\n" + "<< A2 APPEND\n.. silence") as server,
        FaultProxy("127.0.0.1", server.port) as proxy,
    ):
        async with connected(shell, _config(proxy.port, timeout=2.0)) as client:
            proxy.deafen()
            with pytest.raises(OperationTimeout) as caught:
                await client.run(_heavy)
            assert caught.value.partial == UIDSet.of([1])
            assert not client.connected


# Interruptions


async def test_cancelled() -> None:
    """A cancelled operation breaks the connection, frees the lock, and is told to the next."""
    with ScriptServer(LOGIN + ".. silence") as server:
        client = aio.IMAPClient(_config(server.port))
        await client.connect()
        task = asyncio.ensure_future(client.noop())
        await asyncio.sleep(0.05)
        waiting = asyncio.ensure_future(client.noop())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ConnectionLost, match="CancelledError"):
            await waiting
        assert not client.connected
        await client.logout()


async def test_waiting_for_the_lock_may_be_cancelled() -> None:
    """Whoever only waited for his turn breaks nothing."""
    with ScriptServer(LOGIN + "<< A2 NOOP\n.. silence") as server:
        client = aio.IMAPClient(_config(server.port))
        await client.connect()
        first = asyncio.ensure_future(client.noop())
        await asyncio.sleep(0.05)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.noop()
        assert client.connected
        await client.close()
        with pytest.raises(ConnectionLost):
            await first


def _interrupt(session: Session) -> Operation[None]:
    yield from now()
    raise KeyboardInterrupt


def test_interrupted() -> None:
    """Ctrl-C breaks the connection, frees the lock, and is told to the next."""
    with ScriptServer(LOGIN + ".. silence") as server:
        client = services.IMAPClient(_config(server.port))
        client.connect()
        with pytest.raises(KeyboardInterrupt):
            client.run(_interrupt)
        with pytest.raises(ConnectionLost, match="KeyboardInterrupt"):
            client.noop()
        client.logout()


def test_closed_by_another_thread() -> None:
    """Closing the client wakes whoever waits in it."""
    with ScriptServer(LOGIN + ".. silence") as server:
        client = services.IMAPClient(_config(server.port))
        client.connect()
        closing = threading.Timer(0.1, client.close)
        closing.start()
        with pytest.raises(ConnectionLost):
            client.noop()
        closing.join()


def _slip(session: Session) -> Operation[None]:
    yield from now()
    raise ValueError("a slip of the caller's")


async def test_slips_break_nothing(shell: str) -> None:
    """A mistake that is found before anything is sent leaves the connection usable."""
    with ScriptServer(LOGIN + "<< A2 NOOP\n>> A2 OK done\n.. silence") as server:
        async with connected(shell, _config(server.port)) as client:
            with pytest.raises(ValueError, match="slip"):
                await client.run(_slip)
            with pytest.raises(LocalProtocolError):
                await client.fetch(MessageSet("1"), ["FLAGS"])
            await client.noop()


async def test_slips_in_idle_break_nothing(shell: str) -> None:
    """Nor is IDLE lost where a slip happens while it is held."""
    script = "<< A3 IDLE\n>> + idling\n<< DONE\n>> A3 OK done\n<< A4 NOOP\n>> A4 OK done\n"
    with ScriptServer(LOGIN + SELECTED + script + ".. silence") as server:
        async with connected(shell, _config(server.port)) as client:
            await client.select("INBOX")
            async with client.idle() as idle:
                with pytest.raises(LocalProtocolError, match="number of seconds, not '5'"):
                    await idle.wait("5")
                assert idle.held
            await client.noop()


async def test_mistakes_of_a_handler_that_ends_idle(shell: str) -> None:
    """An error within the block of an IDLE is told even where IDLE cannot be ended any more."""
    with ScriptServer(LOGIN + SELECTED + "<< A3 IDLE\n>> + idling\n.. eof") as server:
        async with connected(shell, _config(server.port)) as client:
            await client.select("INBOX")
            with pytest.raises(ValueError, match="slip"):
                async with client.idle():
                    raise ValueError("a slip")


# Turns


async def test_others_wait_their_turn(shell: str) -> None:
    """Two tasks, or two threads, on one client never mix their conversations."""
    script = LOGIN + "".join(f"<< A{n} NOOP\n>> A{n} OK done\n" for n in range(2, 12))
    with ScriptServer(script + ".. silence") as server:
        async with connected(shell, _config(server.port)) as client:
            await asyncio.gather(*(client.noop() for _ in range(10)))


def test_reentered_by_the_same_thread() -> None:
    """The connection cannot be used from within one of its own operations."""
    with ScriptServer(LOGIN + "<< A2 NOOP\n>> A2 OK done\n.. silence") as server:
        client = services.IMAPClient(_config(server.port))
        client.connect()

        def again(session: Session) -> Operation[None]:
            client.noop()
            yield from now()

        with pytest.raises(ConcurrencyError):
            client.run(again)
        client.noop()
        client.close()


async def test_reentered_by_the_same_task() -> None:
    """Nor by the task that carries one out."""
    with ScriptServer(LOGIN + "<< A2 NOOP\n>> A2 OK done\n.. silence") as server:
        client = aio.IMAPClient(_config(server.port))
        await client.connect()

        def again(session: Session) -> Operation[None]:
            noop = client.noop()
            try:
                noop.send(None)
            finally:
                noop.close()
            yield from now()

        with pytest.raises(ConcurrencyError):
            await client.run(again)
        await client.noop()
        await client.close()


async def test_lifecycle(shell: str) -> None:
    """Before, twice and after: each misuse says what to do; a client may connect anew."""
    with ScriptServer(LOGIN + "<< A2 LOGOUT\n>> * BYE bye\n>> A2 OK bye\n.. eof") as server:
        client = unconnected(shell, _config(server.port))
        with pytest.raises(LocalProtocolError, match="connect"):
            await client.noop()
        await client.logout()
        for _ in range(2):
            await client.connect()
            with pytest.raises(LocalProtocolError, match="already"):
                await client.connect()
            assert client.connected
            await client.logout()
            with pytest.raises(ConnectionLost, match="connect anew"):
                await client.noop()


async def test_token_that_is_asked_for_in_time() -> None:
    """A function that fetches a token does not hold up the loop."""
    asked = threading.Event()

    def token() -> str:
        assert threading.current_thread() is not threading.main_thread()
        asked.set()
        return "tok"

    script = (
        ">> * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hello\n"
        "<< A1 AUTHENTICATE XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgdG9rAQE=\n"
        ">> A1 OK [CAPABILITY IMAP4rev1] in\n.. silence"
    )
    with ScriptServer(script) as server:
        config = _config(server.port, auth="xoauth2", access_token=token)
        async with connected("asyncio", config):
            assert asked.is_set()


# Connections that are replaced


SELECTED = '<< A2 SELECT "INBOX"\n>> * OK [UIDVALIDITY 7] valid\n>> A2 OK done\n'


async def _reconnect(client: Any) -> None:
    await client.close()
    await client.connect()
    await client.select("INBOX")


async def test_rows_of_a_connection_that_was_replaced(shell: str) -> None:
    """An iteration that outlives its connection ends in an error; the new one is not touched."""
    rows = "".join(f">> * {uid} FETCH (UID {uid} FLAGS ())\n" for uid in range(1, 401))
    first = "<< A3 UID FETCH 1:400 (UID FLAGS)\n<< A4 UID FETCH 401:402 (UID FLAGS)\n"
    script = LOGIN + SELECTED + first + rows + ">> A3 OK done\n.. silence"
    with ScriptServer(script) as server:
        async with connected(shell, _config(server.port)) as client:
            await client.select("INBOX")
            old = client.iter_fetch(MessageSet("1:402"), ["FLAGS"])
            await anext(old)
            await _reconnect(client)
            with pytest.raises(LocalProtocolError, match="begin the fetch anew"):
                [row async for row in old]
            new = client.iter_fetch(MessageSet("1:402"), ["FLAGS"])
            assert (await anext(new)).uid == 1
            assert client.connected


async def test_rows_that_all_came_before_the_connection_was_replaced(shell: str) -> None:
    """Nothing is missed by an iteration to which nothing was due any more."""
    fetched = "<< A3 UID FETCH 1 (UID FLAGS)\n>> * 1 FETCH (UID 1 FLAGS ())\\r\\nA3 OK done\n"
    with ScriptServer(LOGIN + SELECTED + fetched + ".. silence") as server:
        async with connected(shell, _config(server.port)) as client:
            await client.select("INBOX")
            rows = client.iter_fetch(MessageSet("1"), ["FLAGS"])
            assert (await anext(rows)).uid == 1
            await _reconnect(client)
            assert [row async for row in rows] == []


async def test_idle_of_a_connection_that_was_replaced(shell: str) -> None:
    """IDLE that outlives its connection tells nothing and ends nothing on the new one."""
    idle_and_noop = "<< A3 IDLE\n>> + idling\n<< DONE\n>> A3 OK done\n<< A4 NOOP\n>> A4 OK done\n"
    with ScriptServer(LOGIN + SELECTED + idle_and_noop + ".. silence") as server:
        async with connected(shell, _config(server.port)) as client:
            await client.select("INBOX")
            async with client.idle() as old:
                await _reconnect(client)
                with pytest.raises(LocalProtocolError, match="begin anew"):
                    await old.wait(5)
                await old.done()
                async with client.idle() as new:
                    assert not old.held
                    assert new.held
                    await old.done()
                    assert new.held
            await client.noop()
            assert client.connected


async def test_connecting_twice_leaves_idle_as_it_is(shell: str) -> None:
    """A `connect` that is refused takes away nobody's IDLE."""
    script = "<< A3 IDLE\n>> + idling\n<< DONE\n>> A3 OK done\n<< A4 NOOP\n>> A4 OK done\n"
    with ScriptServer(LOGIN + SELECTED + script + ".. silence") as server:
        async with connected(shell, _config(server.port)) as client:
            await client.select("INBOX")
            async with client.idle():
                with pytest.raises(LocalProtocolError, match="already"):
                    await client.connect()
                await client.done()
                await client.noop()


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority of the tests' own."""
    return trustme.CA()


def _server_context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA, tmp_path: Path) -> ssl.SSLContext:
    """A client's context that trusts the authority."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))


SECURED = (
    ".. tls\n<< A2 CAPABILITY\n>> * CAPABILITY IMAP4rev1 LITERAL+\n>> A2 OK done\n"
    '<< A3 LOGIN "ann" "secret"\n>> A3 OK [CAPABILITY IMAP4rev1 LITERAL+] in\n'
)


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_tls(
    shell: str, security: str, authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    """Large answers and requests pass through TLS unharmed."""
    size = 3_000_000
    script, first = LOGIN, 2
    if security == "starttls":
        script, first = STARTTLS + SECURED, 4
    script += (
        f'<< A{first} APPEND "INBOX" {{{size}+}}\n<< {"y" * size}\n>> A{first} OK done\n'
        f'<< A{first + 1} SELECT "INBOX"\n>> A{first + 1} OK done\n'
        f"<< A{first + 2} UID FETCH 1 (UID BODY.PEEK[1]<0.{size}>)\n"
        f">> * 1 FETCH (UID 1 BODY[1]<0> {{{size}}}\n>> {'z' * size})\n>> A{first + 2} OK done\n"
        ".. silence"
    )
    context = _server_context(authority)
    with ScriptServer(script, context=context, implicit=security == "tls") as server:
        config = _config(server.port, security=security, ssl_context=trusting)
        async with connected(shell, config) as client:
            await client.append("INBOX", b"y" * size)
            await client.select("INBOX")
            (row,) = await client.fetch(MessageSet("1"), [f"BODY[1]<0.{size}>"])
            assert row.sections["1<0>"] == b"z" * size


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("fault", ["name", "authority", "version"])
async def test_tls_that_is_not_agreed_on(
    shell: str, security: str, fault: str, authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    """A wrong name, an unknown authority, an old version: said as such, and not tried again."""
    context = _server_context(authority, "mail.example.org" if fault == "name" else "127.0.0.1")
    if fault == "version":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1_1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    script = LOGIN if security == "tls" else STARTTLS + ".. tls\n.. silence"
    with ScriptServer(script, context=context, implicit=security == "tls") as server:
        config = _config(
            server.port,
            security=security,
            ssl_context=None if fault == "authority" else trusting,
        )
        error = await _failure(unconnected(shell, config))
    assert isinstance(error, TLSFailed)
    assert not error.retryable
    assert ("certificate" in str(error)) == (fault != "version")
    assert b"secret" not in b"".join(server.received)


async def test_plaintext_server_on_the_port_of_tls(shell: str) -> None:
    """A greeting in place of a handshake is told as what it is."""
    with ScriptServer(f">> {HELLO}\n.. silence") as server:
        error = await _failure(unconnected(shell, _config(server.port, security="tls")))
    assert isinstance(error, TLSFailed)
    assert "STARTTLS" in str(error)


async def test_server_that_leaves_in_the_handshake(shell: str) -> None:
    """That is a lost connection, which may be tried again."""
    with ScriptServer(".. eof") as server:
        error = await _failure(unconnected(shell, _config(server.port, security="tls")))
    assert isinstance(error, ConnectionLost)
    assert error.retryable


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (">> * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\n.. silence", TLSRequired),
        (">> * OK [CAPABILITY IMAP4rev1] hello\n.. silence", TLSRequired),
        (STARTTLS.removesuffix("\n") + "\\r\\n* CAPABILITY\n.. silence", RemoteProtocolError),
        (STARTTLS + ">> * OK injected\n.. silence", (RemoteProtocolError, TLSFailed)),
    ],
    ids=["preauth", "not offered", "injected with it", "injected behind it"],
)
async def test_no_way_round_starttls(shell: str, script: str, kind: type[IMAPError]) -> None:
    """No credentials are sent without TLS, whatever the server says."""
    with ScriptServer(script) as server:
        error = await _failure(unconnected(shell, _config(server.port, security="starttls")))
        assert isinstance(error, kind)
    assert b"LOGIN" not in b"".join(server.received)
    assert b"secret" not in b"".join(server.received)


# Configuration


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({}, "host"),
        ({"host": ""}, "host"),
        ({"hots": "h"}, "host"),
        ({"host": "h", "pasword": "x"}, "password"),
        ({"host": "h", "security": "ssl"}, "starttls"),
        ({"host": "h", "auth": "cram"}, "xoauth2"),
        ({"host": "h", "auth": "xoauth2"}, "access_token"),
        ({"host": "h", "timeout": 0}, "positive"),
        ({"host": "h", "timeout": float("inf")}, "positive"),
        ({"host": "h", "connect_timeout": float("nan")}, "positive"),
        ({"host": "h", "use_ssl": "no"}, "use_ssl"),
        ({"host": "h", "ssl_context": True}, "SSLContext"),
        ({"host": "h", "auth": "xoauth2", "access_token": 5}, "function"),
        ({"host": "h", "client_id": "123.apps.example.com"}, "mapping"),
        ({"host": "h", "port": 70000}, "65535"),
        ({"host": "h", "password": None}, "texts"),
    ],
)
def test_configurations_that_cannot_be(config: dict[str, Any], word: str) -> None:
    """Each mistake in a configuration is told with the remedy."""
    with pytest.raises(ConfigurationError, match=word):
        services.IMAPClient(config)


@pytest.mark.parametrize(
    ("keys", "meant"),
    [
        ("prot potr prt pot por Port PORT ports imap_port", "port"),
        ("pwd passwd pass pw pasword passwrod passwort Password imap_password", "password"),
        ("hots hsot hst hostt hosts Host imap_host imap_server sever hostnmae", "host"),
        ("usr uname user_name usrname usernmae uesr userid lgoin imap-user", "username"),
        ("use_sll usessl imap_ssl imap_use_ssl", "use_ssl"),
        ("timout tiemout time_out imap_timeout read_timeout socket_timeout", "timeout"),
        ("secruity", "security"),
        ("auht", "auth"),
        ("acces_token oauth_token oauth2_token bearer_token", "access_token"),
        ("ssl_contxt", "ssl_context"),
    ],
)
def test_misspelt_settings(keys: str, meant: str) -> None:
    """A setting that is misspelt is no setting that is ignored: the right name is told."""
    for key in keys.split():
        with pytest.raises(ConfigurationError, match=f"{key!r} is no .*; {meant!r} is"):
            IMAPConfig.of({"host": "h", key: "x"})


@pytest.mark.parametrize("key", ["verify", "verify_ssl", "ssl_verify", "check_hostname"])
def test_no_setting_switches_verification_off(key: str) -> None:
    """Whoever thinks that one did is told what does."""
    with pytest.raises(ConfigurationError, match="always verified, unless you give an ssl_context"):
        IMAPConfig.of({"host": "h", key: False})


SYSTEM = (
    "webhooks own_domains encryption_key db_path database notifications data_dir model endpoints "
    "name url secret version filter_sensitive smtp_host smtp_port users servers email folder "
    "folders accounts poll_interval mark_seen log feed http routing report words"
)


def test_settings_of_the_system() -> None:
    """What the guide's classes and the system have in the same mapping is none of ours."""
    assert IMAPConfig.of({"host": "h", **dict.fromkeys(SYSTEM.split(), "x")}) == IMAPConfig(
        host="h"
    )


def test_configuration() -> None:
    """Other settings may stand beside ours, other libraries' names are understood."""
    config = IMAPConfig.of({"server": "h", "user": "ann", "webhooks": [], "ssl": False})
    assert (config.host, config.username, config.effective_security) == ("h", "ann", "plain")
    assert config.effective_port == 143
    assert IMAPConfig(host="h").effective_port == 993
    assert IMAPConfig.of(config) is config
    assert "secret" not in repr(IMAPConfig(host="h", password="secret", access_token="secret"))
    with pytest.raises(ConfigurationError, match="empty"):
        IMAPConfig(host="h", auth="xoauth2", access_token=lambda: "").token()
