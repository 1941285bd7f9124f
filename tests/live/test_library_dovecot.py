"""Every command of the library on a real Dovecot, by both shells and on every kind of link."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sage_imap.config import IMAPConfig
from sage_imap.errors import (
    AuthenticationFailed,
    CommandRejected,
    LocalProtocolError,
    MailboxExists,
    MailboxNotFound,
)
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.models.message import MessageSet
from sage_imap.protocol import commands
from sage_imap.protocol.events import ExistsReceived
from sage_imap.protocol.sets import UIDSet
from sage_imap.protocol.state import ConnectionState
from tests.support.dovecot import PASSWORD, Dovecot, dovecot_server, needs_dovecot
from tests.support.shells import SHELLS, connected, unconnected

pytestmark = [pytest.mark.live, needs_dovecot]

DATE = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
MAIL = (
    b"From: Zoe <zoe@example.org>\r\nTo: ann@example.org\r\n"
    b"Subject: =?utf-8?q?R=C3=A9sum=C3=A9?=\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello \xc3\xa9\r\n"
    b"--x\r\nContent-Type: application/octet-stream; name=a.bin\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--x--\r\n"
)


def settings(server: Dovecot, user: str, security: str = "plain", **more: Any) -> IMAPConfig:
    """The configuration of one connection to *server*."""
    return IMAPConfig(
        **{
            "host": "localhost",
            "port": server.tls_port if security == "tls" else server.port,
            "security": security,
            "ssl_context": server.client_context() if security != "plain" else None,
            "username": user,
            "password": PASSWORD,
            "timeout": 10.0,
            **more,
        }
    )


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """The name of a shell."""
    return str(request.param)


@pytest.fixture
async def client(shell: str, dovecot: Dovecot, dovecot_user: str) -> AsyncIterator[Any]:
    """A client of either shell, signed in, with five mails in INBOX, which is selected."""
    async with connected(shell, settings(dovecot, dovecot_user)) as client:
        for number in range(5):
            await client.append("INBOX", _mail(number))
        await client.select("INBOX")
        yield client


def _mail(number: int, size: int = 0) -> bytes:
    return b"Subject: number %d\r\n\r\n%s\r\n" % (number, b"x" * size)


@pytest.mark.parametrize("security", ["plain", "starttls", "tls"])
@pytest.mark.parametrize("auth", ["login", "plain"])
async def test_session(
    shell: str, security: str, auth: str, dovecot: Dovecot, dovecot_user: str
) -> None:
    """From the greeting to the leave, on every kind of link."""
    config = settings(dovecot, dovecot_user, security, auth=auth, client_id={"name": "sage"})
    async with connected(shell, config) as client:
        assert client.state is ConnectionState.AUTHENTICATED
        assert "IDLE" in client.capabilities
        await client.noop()
        said = await client.id({"name": "sage"})
        assert said["name"] == "Dovecot"
        assert "CONDSTORE" in await client.enable("CONDSTORE")
        result = await client.append("INBOX", MAIL, flags=["\\Seen"], date=DATE)
        assert result.uid == 1
        await client.select("INBOX")
        (row,) = await client.fetch(MessageSet("1"), ["FLAGS", "BODY[]"])
        assert row.message().subject == "Résumé"
        assert "\\Seen" in row.flags
    assert not client.connected


async def test_login_command(shell: str, dovecot: Dovecot, dovecot_user: str) -> None:
    """LOGIN itself, with characters that need quoting; a wrong password is told as such."""
    client = unconnected(shell, settings(dovecot, dovecot_user, password='wr"on\\g é'))
    with pytest.raises(AuthenticationFailed):
        await client.connect()
    assert not client.connected
    with pytest.raises(LocalProtocolError, match="signed in already"):
        async with connected(shell, settings(dovecot, dovecot_user)) as client:
            await client.run(lambda session: session.exchange(commands.login("a", "b")))


async def test_select(client: Any) -> None:
    """What is told of a mailbox, read-write and read-only."""
    selected = await client.select("INBOX")
    assert (selected.exists, selected.uidnext, selected.read_only) == (5, 6, False)
    assert selected.uidvalidity
    assert selected.highestmodseq
    assert "\\*" in selected.permanent_flags
    assert client.mailbox == selected
    examined = await client.select("INBOX", readonly=True, condstore=False)
    assert examined.read_only
    with pytest.raises(MailboxNotFound):
        await client.select("No such thing")
    assert client.mailbox is None
    assert client.state is ConnectionState.AUTHENTICATED


async def test_unselect(client: Any) -> None:
    """Nothing is expunged by leaving."""
    await client.store(MessageSet("1"), ["\\Deleted"])
    await client.unselect()
    assert client.mailbox is None
    assert (await client.status("INBOX")).messages == 5


async def test_status(client: Any) -> None:
    """Counters, by default and by name."""
    told = await client.status("INBOX")
    assert (told.messages, told.uidnext, told.unseen) == (5, 6, 5)
    assert told.uidvalidity == client.mailbox.uidvalidity
    assert told.highestmodseq
    assert (await client.status("INBOX", ["SIZE"])).size > 0


async def test_namespace_and_list(client: Any) -> None:
    """Names beyond ASCII, wildcards and the delimiter survive; special use is told."""
    assert (await client.namespace()).personal == (("", "/"),)
    names = ["Résumé & more", "Büro/Ablage", "50%", "peter~/台北/日本語", 'q"uo\\te']
    for name in names:
        await client.create(name)
    listed = {mailbox.name: mailbox for mailbox in await client.list()}
    assert {*names, "INBOX"} <= listed.keys()
    assert listed["INBOX"].delimiter == "/"
    for name in names:
        assert (await client.select(name)).exists == 0
    with pytest.raises(MailboxExists):
        await client.create("Résumé & more")
    assert [mailbox.name for mailbox in await client.list("", "R%")] == ["Résumé & more"]


async def test_special_use(shell: str, dovecot_user: str) -> None:
    """What a mailbox is for is told by the server."""
    extra = "namespace inbox {\n mailbox Junk {\n special_use = \\Junk\n auto = create\n }\n}\n"
    with (
        tempfile.TemporaryDirectory(prefix="sage-dovecot-", ignore_cleanup_errors=True) as folder,
        dovecot_server(Path(folder), extra=extra) as server,
    ):
        async with connected(shell, settings(server, dovecot_user)) as client:
            listed = {box.name: box.special_use for box in await client.list()}
    assert listed["Junk"] == "junk"


async def test_append(client: Any) -> None:
    """Octets as they are, the date and the flags; TRYCREATE is told."""
    result = await client.append("INBOX", MAIL, flags=["\\Flagged", "$Work"], date=DATE)
    assert (result.uid, result.uidvalidity) == (6, client.mailbox.uidvalidity)
    await client.noop()
    assert client.mailbox.exists == 6
    (row,) = await client.fetch(MessageSet("6"), ["FLAGS", "INTERNALDATE", "BODY[]"])
    assert set(row.flags) >= {"\\Flagged", "$Work"}
    assert row.internaldate == DATE
    assert row.sections[""] == MAIL
    with pytest.raises(MailboxNotFound):
        await client.append("No such thing", MAIL)


async def test_append_of_much(client: Any) -> None:
    """A message that is larger than all buffers goes through, and comes back the same."""
    data = _mail(9, 12_000_000)
    result = await client.append("INBOX", data)
    (row,) = await client.fetch(MessageSet(str(result.uid)), ["BODY[]"])
    assert row.sections[""] == data


async def test_search(client: Any) -> None:
    """Criteria in ASCII and beyond, and by mod-sequence."""
    await client.append("INBOX", MAIL)
    await client.noop()
    assert (await client.search()).uids == UIDSet.parse("1:6")
    found = await client.search('SUBJECT "number 3"')
    assert found == MessageSet("4", "INBOX", client.mailbox.uidvalidity)
    assert str(await client.search('SUBJECT "résumé"')) == "6"
    assert str(await client.search(["UID 2:4", "NOT UID 3"])) == "2,4"
    assert not await client.search("FLAGGED")
    modseq = (await client.status("INBOX")).highestmodseq
    await client.store(found, ["\\Flagged"])
    assert (await client.search("ALL", changed_since=modseq)).uids == UIDSet.parse("4")
    with pytest.raises(CommandRejected):
        await client.search("NO SUCH KEY")
    many = IMAPSearchCriteria.uid(UIDSet.of(range(1, 200_000, 2)))
    assert str(await client.search(many & IMAPSearchCriteria.UNFLAGGED)) == "1,3,5"
    with pytest.raises(LocalProtocolError, match="Dovecot takes 65536"):
        await client.search(~many)
    await client.noop()


async def test_every_item(client: Any) -> None:
    """All standard items of FETCH in one row, then sections and partials in another."""
    uid = (await client.append("INBOX", MAIL, date=DATE)).uid
    one = MessageSet([uid])
    items = ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "MODSEQ", "BODY"]
    (row,) = await client.fetch(one, items)
    assert (row.uid, row.seq, row.size) == (6, 6, len(MAIL))
    assert row.internaldate == DATE
    assert row.modseq
    assert row.envelope.subject == "Résumé"
    assert row.structure is not None
    sections = [
        "BODY[HEADER]",
        "BODY[TEXT]",
        "BODY[1]",
        "BODY[2.MIME]",
        "BODY[9]",
        "BODY[HEADER.FIELDS (SUBJECT)]",
        "BODY[HEADER.FIELDS.NOT (SUBJECT)]",
        "BODY[]<3.4>",
        "BINARY[2]",
        "BINARY.SIZE[2]",
    ]
    (row,) = await client.fetch(one, sections)
    found = row.sections
    assert found["HEADER"] + found["TEXT"] == MAIL
    assert found["1"] == "Hello é".encode()
    assert found["2.MIME"].startswith(b"Content-Type: application")
    assert not found["9"]
    assert found["HEADER.FIELDS (SUBJECT)"].startswith(b"Subject: =?utf-8")
    assert b"Subject" not in found["HEADER.FIELDS.NOT (SUBJECT)"]
    assert found["<3>"] == MAIL[3:7]
    (flags,) = await client.fetch(one, ["FLAGS"])
    assert "\\Seen" not in flags.flags


async def test_changed_since(client: Any) -> None:
    """Rows of what has changed, and of nothing else; of bodies as well."""
    modseq = (await client.status("INBOX")).highestmodseq
    await client.store(MessageSet("2"), ["\\Flagged"])
    rows = await client.fetch(MessageSet.all(), ["FLAGS"], changed_since=modseq)
    assert [row.uid for row in rows] == [2]
    rows = await client.fetch(MessageSet.all(), ["BODY[]"], changed_since=modseq)
    assert [row.message().subject for row in rows] == ["number 1"]


async def test_store(client: Any) -> None:
    """Flags are added, removed and replaced; a change by somebody else is not overwritten."""
    both = MessageSet("1:2", "INBOX", client.mailbox.uidvalidity)
    added = await client.store(both, ["\\Seen", "$Work"])
    assert set(added.flags[1]) >= {"\\Seen", "$Work"}
    assert "\\Seen" not in (await client.store(both, ["\\Seen"], mode="remove")).flags[2]
    replaced = await client.store(both, ["\\Flagged"], mode="replace")
    assert set(replaced.flags[1]) - {"\\Recent"} == {"\\Flagged"}
    (row,) = await client.fetch(MessageSet("1"), ["MODSEQ"])
    assert client.take_events() == []
    await client.store(MessageSet("1"), ["\\Answered"])
    late = await client.store(both, ["\\Draft"], unchanged_since=row.modseq)
    assert late.modified == UIDSet.parse("1")
    assert set(late.modseqs) >= {2}
    assert client.take_events() == []


async def test_copy_and_move(client: Any) -> None:
    """What was copied and moved is told, and only that; what is gone is not."""
    await client.create("Box")
    copied = await client.copy(MessageSet("1,3,77"), "Box")
    assert copied.source == UIDSet.parse("1,3")
    assert copied.mapping == {1: 1, 3: 2}
    moved = await client.move(MessageSet("2:3,77"), "Box")
    assert moved.source == UIDSet.parse("2:3")
    assert moved.mapping == {2: 3, 3: 4}
    assert moved.uidvalidity == (await client.status("Box")).uidvalidity
    again = await client.move(MessageSet("2:3"), "Box")
    assert not again.source
    assert (await client.search()).uids == UIDSet.parse("1,4:5")
    assert client.mailbox.exists == 3
    with pytest.raises(MailboxNotFound):
        await client.move(MessageSet("1"), "No such thing")
    await client.select("INBOX", readonly=True)
    with pytest.raises(LocalProtocolError, match="read-only"):
        await client.move(MessageSet("1"), "Box")
    assert (await client.status("INBOX")).messages == 3


async def test_expunge(client: Any) -> None:
    """Only those of the set that are marked are removed."""
    await client.store(MessageSet("1:3"), ["\\Deleted"])
    await client.expunge(MessageSet("2:5"))
    assert (await client.search()).uids == UIDSet.parse("1,4:5")


async def test_idle(client: Any, shell: str, dovecot: Dovecot, dovecot_user: str) -> None:
    """Mail that another connection brings ends the wait; renewals do no harm."""
    async with connected("asyncio", settings(dovecot, dovecot_user)) as other:
        async with client.idle(renew=0.2) as idle:
            assert await idle.wait(0.1) == []
            assert await idle.wait(0.5) == []
            waiting = asyncio.ensure_future(idle.wait(10))
            await other.append("INBOX", _mail(6))
            assert ExistsReceived(6) in await waiting
            with pytest.raises(LocalProtocolError, match="IDLE"):
                await client.noop()
        await client.noop()
        assert client.mailbox.exists == 6


async def test_iter_fetch(client: Any) -> None:
    """Other commands may run between rows, and the iteration may be left."""
    for number in range(5, 30):
        await client.append("INBOX", _mail(number, 400_000))
    await client.noop()
    seen = []
    async for row in client.iter_fetch(MessageSet("1:30"), ["BODY[]"]):
        seen.append(row.uid)
        if row.uid % 7 == 0:
            await client.store(MessageSet([row.uid]), ["\\Flagged"])
            assert len(await client.search("FLAGGED")) == row.uid // 7
    assert seen == list(range(1, 31))
    async for row in client.iter_fetch(MessageSet("1:30"), ["BODY[]"]):
        if row.uid == 9:
            break
    assert len(await client.search()) == 30
    assert len(await client.fetch(MessageSet("1:30"), ["FLAGS"])) == 30


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("dovecot", "INBOX/Büro/50%"),
        ("dovecot_prefixed", "INBOX.Büro.50%"),
        ("dovecot_childless", "Büro/50%"),
    ],
)
async def test_folders(
    shell: str, kind: str, expected: str, dovecot_user: str, request: pytest.FixtureRequest
) -> None:
    """A folder below INBOX is found or created in the server's own way, and mail goes into it."""
    server: Dovecot = request.getfixturevalue(kind)
    async with connected(shell, settings(server, dovecot_user)) as client:
        await client.append("INBOX", MAIL)  # which makes INBOX a file where it is one
        assert await client.find_folder("INBOX/Büro/50%") is None
        assert await client.ensure_folder("INBOX/Büro/50%") == expected
        assert await client.ensure_folder("INBOX/Büro/50%") == expected
        assert await client.find_folder("inbox/Büro/50%") == expected
        await client.select("INBOX")
        moved = await client.move(MessageSet("1"), expected)
        assert moved.mapping == {1: 1}
        assert (await client.status(expected)).messages == 1


async def test_flat_name_after_levels(shell: str, dovecot_childless: Dovecot) -> None:
    """A server whose INBOX is a file takes the folder beside it."""
    async with connected(shell, settings(dovecot_childless, f"flat-{shell}")) as client:
        await client.append("INBOX", MAIL)
        assert await client.ensure_folder("INBOX/Support") == "Support"
        assert await client.find_folder("INBOX/Support") == "Support"
