"""Who is recognised by what, and what is done about it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from sage_imap import aio, services
from sage_imap.config import IMAPConfig
from sage_imap.errors import LocalProtocolError
from sage_imap.models.message import MessageSet
from sage_imap.models.results import SelectedMailbox
from sage_imap.operations import connecting, fetching, messages, moving
from sage_imap.operations.effects import Effect, Now, Operation, Read, Write
from sage_imap.operations.session import Session
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.state import ConnectionState
from sage_imap.providers import PROVIDERS, UNKNOWN, Provider, detect
from tests.support.script_server import ScriptServer
from tests.support.scripts import RICH, Stage, staged
from tests.support.shells import SHELLS, connected


def known(name: str) -> Provider:
    """The provider of that name."""
    return next(provider for provider in PROVIDERS if provider.name == name)


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Gmail", "Gimap ready for requests from 2.110.13.79 5mb77833782lfi"),
        ("iCloud", "(2109B29-d3afe4d5aba6) pv33p00im-iscream021.me.com"),
        ("Yahoo", "IMAP4rev1 imapgate-1.8.1_01.20166 imap1012.mail.ir2.yahoo.com"),
        ("Yandex", "Yandex IMAP4rev1 at imap53p.mail.yandex.net:993 ready to talk with ::1, eb"),
        ("Zoho", "svwall.zoho.com IMAP4 Server (Zoho Mail IMAP4rev1 Server version 1.0)"),
        ("NetEase", "Coremail System IMap Server Ready(163com[10774b260cc7a37d26d71b52404dcf5c])"),
        ("Tencent QQ", "QQMail IMAP4Server ready"),
        ("Exchange", "The Microsoft Exchange IMAP4 service is ready. [RgBSADIAUAAyADgAMQBDAEEA]"),
        ("Exchange", "The Microsoft Exchange IMAP4 service is ready."),
        ("Domino", "Domino IMAP4 Server Release 10.0.1FP3 ready Wed, 30 Oct 2019 09:28:06 +0100"),
        ("Dovecot", "Dovecot (Debian) ready."),
        ("Cyrus", "mail.example.org Cyrus IMAP v2.4.17 server ready"),
        ("Courier", "Courier-IMAP ready. Copyright 1998-2018 Double Precision, Inc."),
        ("Proton Mail Bridge", "Proton Mail Bridge 03.19.00 - gluon session ID 3"),
        ("unknown", "IMAP4 ready"),
        ("unknown", ""),
        ("unknown", " " * 2000 + "Dovecot"),
    ],
)
def test_greeting(name: str, greeting: str) -> None:
    """Greetings that were seen in the wild are recognised; what names nobody is unknown."""
    assert detect(greeting).name == name


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("Gmail", "imap.gmail.com"),
        ("Microsoft 365", "outlook.office365.com"),
        ("iCloud", "imap.mail.me.com"),
        ("Yahoo", "imap.aol.com"),
        ("Zoho", "imappro.zoho.eu"),
        ("Yandex", "imap.yandex.ru"),
        ("NetEase", "IMAP.126.COM."),
        ("Tencent QQ", "imap.exmail.qq.com"),
        ("mail.ru", "imap.mail.ru"),
        ("GMX and WEB.DE", "imap.web.de"),
        ("Fastmail", "imap.fastmail.com"),
        ("Strato", "imap.strato.de"),
        ("unknown", "imap.notgmail.com"),
        ("unknown", "gmail.com.example"),
        ("unknown", "127.0.0.1"),
    ],
)
def test_host(name: str, host: str) -> None:
    """A provider's own hosts are known, and no other that is merely spelled alike."""
    assert detect("IMAP4 ready", host=host).name == name


def test_capabilities_and_id() -> None:
    """Capabilities of one provider alone, and what a server says of itself, give it away."""
    assert detect("ready", {"imap4rev1", "x-gm-ext-1"}).name == "Gmail"
    assert detect("ready", {"XYMHIGHESTMODSEQ"}).name == "Yahoo"
    assert detect("ready", (), {"name": "RZimapd", "vendor": "Strato GmbH"}).name == "Strato"
    assert detect("ready", (), {"name": "Dovecot", "vendor": None}).name == "Dovecot"
    assert detect("ready", (), {"version": "Dovecot"}) is UNKNOWN


def test_the_host_counts_most() -> None:
    """A provider that runs well-known software has limits of its own."""
    assert detect("Cyrus IMAP ready", (), {"name": "Cyrus IMAP"}, "imap.fastmail.com").name == (
        "Fastmail"
    )


def test_names_are_distinct() -> None:
    """A name says who it is."""
    assert len({provider.name for provider in (*PROVIDERS, UNKNOWN)}) == len(PROVIDERS) + 1


# What is done about it


def _sign_in(script: str, **settings: Any) -> Stage:
    config = IMAPConfig(
        **{"host": "h", "username": "ann", "password": "x", "security": "plain", **settings}
    )
    with staged(script, offers=None, state=ConnectionState.GREETING) as stage:
        stage.run(connecting.sign_in(stage.session, config))
    return stage


def test_id_where_it_is_due() -> None:
    """Where mailboxes are only opened to those who said ID, it is said without being configured."""
    stage = _sign_in(
        """
        >> * OK Coremail System IMap Server Ready(163com[1])
        << A1 CAPABILITY
        >> * CAPABILITY IMAP4rev1 ID
        >> A1 OK done
        << A2 LOGIN "ann" "x"
        >> * CAPABILITY IMAP4rev1 ID
        >> A2 OK done
        << A3 ID ("name" "sage-imap")
        >> * ID ("name" "Coremail")
        >> A3 OK done
        """
    )
    assert stage.session.provider.name == "NetEase"


def test_id_tells_the_provider() -> None:
    """What the server says of itself is taken into account where ID is said anyway."""
    stage = _sign_in(
        """
        >> * OK [CAPABILITY IMAP4rev1] ready
        << A1 LOGIN "ann" "x"
        >> A1 OK [CAPABILITY IMAP4rev1 ID] done
        << A2 ID ("name" "us")
        >> * ID ("name" "Dovecot")
        >> A2 OK done
        """,
        client_id={"name": "us"},
    )
    assert stage.session.provider.name == "Dovecot"


@pytest.mark.parametrize(
    ("provider", "on"), [("iCloud", {"CONDSTORE"}), ("unknown", set()), ("Dovecot", set())]
)
def test_enabled_is_assumed_only_where_it_is_never_told(provider: str, on: set[str]) -> None:
    """An OK without ENABLED counts as such where the provider is known for it."""
    with staged("<< A1 ENABLE CONDSTORE X-NO\n>> A1 OK done") as stage:
        stage.session.provider = UNKNOWN if provider == "unknown" else known(provider)
        assert stage.run(connecting.enable(stage.session, "CONDSTORE", "X-NO")) == on


@pytest.mark.parametrize("client", [services.IMAPClient, aio.IMAPClient])
def test_no_provider_without_a_connection(client: Callable[..., Any]) -> None:
    """Before connecting there is nobody to tell."""
    with pytest.raises(LocalProtocolError):
        _ = client({"host": "h"}).provider


@pytest.mark.parametrize("shell", SHELLS)
async def test_idle_is_renewed_as_the_provider_needs_it(shell: str) -> None:
    """Without an interval from the caller, the provider's counts."""
    script = """
        >> * OK [CAPABILITY IMAP4rev1 IDLE] Yandex IMAP4rev1 at imap53p.mail.yandex.net:993
        << A1 LOGIN "ann" "x"
        >> A1 OK [CAPABILITY IMAP4rev1 IDLE] done
        << A2 SELECT "INBOX"
        >> * 0 EXISTS
        >> A2 OK done
        << A3 IDLE
        >> + idling
        << DONE
        >> A3 OK done
        << A4 IDLE
        >> + idling
        << DONE
        >> A4 OK done
        .. silence
        """
    with ScriptServer(script) as server:
        config: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": server.port,
            "username": "ann",
            "password": "x",
        }
        async with connected(shell, IMAPConfig(**config, security="plain")) as client:
            assert client.provider.name == "Yandex"
            await client.select("INBOX")
            async with client.idle() as idle:
                assert idle.renew == known("Yandex").idle_renewal < UNKNOWN.idle_renewal
            async with client.idle(renew=7.0) as idle:
                assert idle.renew == 7.0


# Sets are split to the provider's command length

LINE = re.compile(rb"(A[0-9]+) UID ([A-Z]+)[^\r]*\r\n")
OFFERS = f"{RICH} UIDPLUS"


class _Agreeable:
    """A server that answers OK to everything, and a body's size where that is asked for."""

    def __init__(self, provider: Provider) -> None:
        connection = Connection(state=ConnectionState.SELECTED, capabilities=OFFERS.split())
        self.session = Session(connection, timeout=1.0)
        self.session.provider = provider
        self.session.mailbox = SelectedMailbox(
            "INBOX", uidvalidity=7, uidnext=2**32 - 1, exists=200_000
        )
        self.lines: list[bytes] = []
        self._answers = b""

    def run(self, operation: Operation[Any]) -> None:
        """Drive *operation* to its end."""
        reply: Any = None
        try:
            while True:
                reply = self._perform(operation.send(reply))
        except StopIteration:
            return

    def _perform(self, effect: Effect) -> bytes | float | None:
        if isinstance(effect, Write):
            for line in effect.data.splitlines(keepends=True):
                self._take(line)
            return None
        if isinstance(effect, Now):
            return 0.0
        assert isinstance(effect, Read)
        answers, self._answers = self._answers, b""
        return answers

    def _take(self, line: bytes) -> None:
        match = LINE.fullmatch(line)
        assert match is not None, line[:80]
        self.lines.append(line)
        if b"(UID RFC822.SIZE)" in line:
            uids = line.split(b" ")[3].split(b",")
            self._answers += b"".join(
                b"* %d FETCH (UID %b RFC822.SIZE 10)\r\n" % (n, uid)
                for n, part in enumerate(uids, 1)
                for uid in {part.split(b":")[0], part.split(b":")[-1]}
            )
        self._answers += match[1] + b" OK done\r\n"


@cache
def _scattered(count: int) -> MessageSet:
    """So many UIDs of ten digits, no two of them neighbours."""
    start = 4_000_000_000
    numbers = random.Random(3).sample(range(start // 2, (start + 2**28) // 2), count)
    return MessageSet.from_uids([2 * number for number in numbers], "INBOX", 7)


# One provider of each length that there is.
LENGTHS = {provider.command_length: provider for provider in (*PROVIDERS, UNKNOWN)}


@pytest.mark.parametrize("provider", LENGTHS.values(), ids=lambda provider: provider.name)
def test_scattered_uids_fit(provider: Provider) -> None:
    """200,000 scattered UIDs are asked for in lines that the provider accepts, each UID once."""
    uids = _scattered(200_000)
    server = _Agreeable(provider)
    server.run(messages.store(server.session, uids, ["\\Seen", "$" + "x" * 200]))
    assert max(map(len, server.lines)) <= provider.command_length
    sent = [part for line in server.lines for part in line.split(b" ")[3].split(b",")]
    assert len(sent) == len(uids)
    # Lines are filled: what is left free is less than a range of UIDs takes.
    full = [line for line in server.lines[:-1] if line.count(b",") < messages.MOST_MESSAGES - 1]
    assert all(len(line) > provider.command_length - 100 for line in full)


@pytest.mark.parametrize("name", ["Yahoo", "unknown"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda session, uids: moving.copy(session, uids, "Ärger" * 20),
        lambda session, uids: moving.move(session, uids, "x" * 300),
        lambda session, uids: messages.expunge(session, uids),
        lambda session, uids: fetching.fetch(session, uids, ["FLAGS", "ENVELOPE"]),
        lambda session, uids: fetching.fetch(session, uids, ["BODY[]"]),
        lambda session, uids: fetching.fetch(
            session, uids, [f"BODY[HEADER.FIELDS ({' '.join(f'X-Field-{n}' for n in range(50))})]"]
        ),
    ],
    ids=["copy", "move", "expunge", "envelopes", "bodies", "headers"],
)
def test_every_command_fits(name: str, ask: Callable[[Session, MessageSet], Any]) -> None:
    """The rest of the command is counted too, whichever it is."""
    provider = UNKNOWN if name == "unknown" else known(name)
    server = _Agreeable(provider)
    server.run(ask(server.session, _scattered(5000)))
    assert max(map(len, server.lines)) <= provider.command_length


def test_a_command_that_is_too_long_in_itself() -> None:
    """Where no set fits beside the rest of a command, few UIDs go at once; nothing stands still."""
    server = _Agreeable(known("Yahoo"))
    server.run(moving.copy(server.session, _scattered(3), "x" * 990))
    assert len(server.lines) == 2 + 2  # each COPY without COPYUID is followed by a SEARCH
