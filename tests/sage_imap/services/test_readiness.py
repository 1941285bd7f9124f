"""Whoever waits with `select.select` never sleeps on mail that has arrived."""

from __future__ import annotations

import select
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from sage_imap.config import IMAPConfig
from sage_imap.errors import ConnectionLost, LocalProtocolError
from sage_imap.protocol.events import ExistsReceived, ExpungeReceived
from sage_imap.services import IMAPClient
from tests.support.script_server import HELLO, ScriptServer

LOGIN = rf"""
>> {HELLO}
<< A1 LOGIN "ann" "pw"
>> A1 OK [CAPABILITY IMAP4rev1 IDLE LITERAL+] in
<< A2 SELECT "INBOX"
>> * 2 EXISTS
>> A2 OK done
"""


@contextmanager
def signed_in(script: str, *, tls: bool) -> Iterator[IMAPClient]:
    """A client with INBOX selected, at a server that plays *script* from then on."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    script = LOGIN + script + "\n.. silence"
    with ScriptServer(script, context=context, implicit=tls) as server:
        config = IMAPConfig(
            host="localhost",
            port=server.port,
            username="ann",
            password="pw",
            security="tls" if tls else "plain",
            ssl_context=trusting,
            timeout=5.0,
        )
        client = IMAPClient(config).connect()
        client.select("INBOX")
        yield client
        client.close()


def is_readable(client: IMAPClient, timeout: float = 0.0) -> bool:
    """What `select.select` says of the client, as the guide asks it."""
    return bool(select.select([client.sock], [], [], timeout)[0])


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
class TestReadable:
    """On plain links and within TLS records alike."""

    def test_in_the_segment_of_the_continuation(self, tls: bool) -> None:
        """News that come with the answer to IDLE make the client readable at once."""
        with signed_in("<< A3 IDLE\n" r">> + idling\r\n* 3 EXISTS", tls=tls) as client:
            client.idle()
            assert is_readable(client)
            assert client.response("IDLE") == ("IDLE", [ExistsReceived(3)])

    def test_between_done_and_idle(self, tls: bool) -> None:
        """News that come with the end of one IDLE make the next one readable at once."""
        script = (
            "<< A3 IDLE\n>> + idling\n<< DONE\n" + r">> A3 OK done\r\n* 3 EXISTS" + "\n"
            "<< A4 IDLE\n>> + idling"
        )
        with signed_in(script, tls=tls) as client:
            client.idle()
            client.done()
            client.idle()
            assert is_readable(client, 5.0)
            assert client.response("IDLE")[1] == [ExistsReceived(3)]

    def test_with_the_answer_of_a_search(self, tls: bool) -> None:
        """News that come behind a command's completion are found by the next wait."""
        script = (
            "<< A3 UID SEARCH ALL\n" + r">> * SEARCH 1 2\r\nA3 OK done\r\n* 3 EXISTS\r\n* 1 EXPUNGE"
            "\n<< A4 IDLE\n>> + idling"
        )
        with signed_in(script, tls=tls) as client:
            assert client.search().parsed_ids == [1, 2]
            client.idle()
            assert is_readable(client, 5.0)
            assert client.response("EXPUNGE")[1] == [ExpungeReceived(1)]
            assert is_readable(client)
            assert client.response("IDLE")[1] == [ExistsReceived(3)]
            assert client.response("IDLE")[1] == []

    def test_silence(self, tls: bool) -> None:
        """Where nothing comes, nothing is readable, and IDLE can be ended and begun anew."""
        script = "<< A3 IDLE\n>> + idling\n<< DONE\n>> A3 OK done\n<< A4 IDLE\n>> + idling"
        with signed_in(script, tls=tls) as client:
            held = client.idle()
            assert client.idle() is held
            while is_readable(client, 0.1):  # session tickets of TLS 1.3
                assert client.response()[1] == []
            client.done()
            client.done()
            assert client.idle() is not held

    def test_the_end(self, tls: bool) -> None:
        """A link that is gone is readable, and says so."""
        with signed_in("<< A3 IDLE\n>> + idling\n.. eof", tls=tls) as client:
            client.idle()
            assert is_readable(client, 5.0)
            with pytest.raises(ConnectionLost):
                client.response("IDLE")
            with pytest.raises(ConnectionLost):
                client.sock.fileno()
            with pytest.raises(ConnectionLost):
                client.idle()


def test_kinds() -> None:
    """A name that stands for no news is refused, and nothing is lost."""
    script = "<< A3 NOOP\n>> * 3 EXISTS\n>> A3 OK done"
    with signed_in(script, tls=False) as client:
        client.noop()
        with pytest.raises(LocalProtocolError, match="EXISTS"):
            client.response("SIZE")
        assert client.response("exists")[1] == [ExistsReceived(3)]
    with pytest.raises(LocalProtocolError, match="not connected"):
        IMAPClient({"host": "h"}).sock.fileno()
