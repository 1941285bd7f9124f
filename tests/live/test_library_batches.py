"""Messages handed to a handler in batches, by both shells, on a real Dovecot."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sage_imap import aio, services
from sage_imap.config import IMAPConfig
from sage_imap.errors import (
    BatchFailed,
    CommandRejected,
    ConnectionLost,
    LocalProtocolError,
    MailboxMismatch,
    MessageGone,
)
from sage_imap.models.email import EmailMessage
from sage_imap.models.message import MessageSet
from sage_imap.protocol.sets import UIDSet
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot
from tests.support.shells import SHELLS, connected

pytestmark = [pytest.mark.live, needs_dovecot]


def settings(server: Dovecot, user: str) -> IMAPConfig:
    """The configuration of one connection to *server*."""
    return IMAPConfig(
        host="localhost",
        port=server.port,
        security="plain",
        username=user,
        password=PASSWORD,
        timeout=20.0,
    )


@pytest.fixture(params=SHELLS)
async def client(
    request: pytest.FixtureRequest, dovecot: Dovecot, dovecot_user: str
) -> AsyncIterator[Any]:
    """A client of either shell with nine mails in INBOX, which is selected."""
    async with connected(str(request.param), settings(dovecot, dovecot_user)) as client:
        for number in range(9):
            await client.append("INBOX", b"Subject: %d\r\n\r\nText\r\n" % number)
        await client.select("INBOX")
        yield client


async def process(client: Any, *args: Any, **kwargs: Any) -> Any:
    """`process_messages_in_batches` of the service of the client's shell."""
    if isinstance(client, aio.IMAPClient):
        return await aio.IMAPMailboxUIDService(client).process_messages_in_batches(*args, **kwargs)
    service = services.IMAPMailboxUIDService(client._blocking)
    return await asyncio.to_thread(service.process_messages_in_batches, *args, **kwargs)


async def unseen(client: Any) -> list[int]:
    """The UIDs of what is not seen."""
    found: MessageSet = await client.search("UNSEEN")
    return found.parsed_ids


async def test_books(client: Any) -> None:
    """What the handler returned for is seen, what it raised for is not, and stands in the books."""

    def handler(message: EmailMessage) -> None:
        if message.uid in (3, 7):
            raise ValueError(message.subject)

    result = await process(client, await client.search(), handler, batch_size=2)
    assert (result.successful_messages, result.failed_messages) == (7, 2)
    assert [(f.uid, str(f.error)) for f in result.failures] == [(3, "2"), (7, "6")]
    assert result.untouched.uids == UIDSet.of([3, 7])
    assert not result
    assert isinstance(result.error, BatchFailed)
    assert (
        result.error_message
        == "2 of 9 messages were not processed; the first because of ValueError"
    )
    assert await unseen(client) == [3, 7]


async def test_looking_only(client: Any) -> None:
    """Without *mark_seen* nothing changes; an open set is every message of the mailbox."""
    seen: list[tuple[Any, ...]] = []
    result = await process(
        client,
        MessageSet("1:*"),
        lambda m: seen.append((m.uid, m.mailbox, m.uidvalidity, m.subject)),
        mark_seen=False,
    )
    assert result
    assert result.failures == []
    assert seen[0] == (1, "INBOX", client.mailbox.uidvalidity, "0")
    assert len(seen) == result.successful_messages == 9
    assert await unseen(client) == list(range(1, 10))


async def test_messages_that_are_gone(client: Any) -> None:
    """A message that was removed since it was searched for is one failure, and is named."""
    found = await client.search()
    await client.store(MessageSet("4:5"), ["\\Deleted"])
    await client.expunge(MessageSet("4:5"))
    result = await process(client, found, lambda _: None, 4)
    assert result.successful_messages == 7
    assert [(f.uid, type(f.error)) for f in result.failures] == [(4, MessageGone), (5, MessageGone)]


async def test_a_wide_range(client: Any) -> None:
    """Whoever names every UID there may be waits for the messages that there are."""
    began = time.monotonic()
    everything = MessageSet.from_range(1, 4294967295)
    result = await process(client, everything, lambda _: None)
    assert (result.successful_messages, result.failed_messages) == (9, 0)
    assert len(await client.fetch(everything, ["FLAGS"])) == 9
    assert (await client.store(everything, ["X"])).accepted == UIDSet.parse("1:9")
    assert (await client.copy(everything, "INBOX")).source == UIDSet.parse("1:9")
    await client.store(everything, ["\\Deleted"])
    await client.expunge(everything)
    assert not await client.search()
    assert time.monotonic() - began < 30


async def test_a_handler_that_uses_the_client(client: Any) -> None:
    """Other commands may be given between two messages, also such as take messages away."""
    blocking = getattr(client, "_blocking", None)

    def move(message: EmailMessage) -> None:
        one = MessageSet.from_uids([message.uid or 0], message.mailbox, message.uidvalidity)
        blocking.move(one, "Done")  # type: ignore[union-attr]  # only where the shell is blocking

    async def move_async(message: EmailMessage) -> None:
        one = MessageSet.from_uids([message.uid or 0], message.mailbox, message.uidvalidity)
        await client.move(one, "Done")

    await client.create("Done")
    result = await process(client, await client.search(), move if blocking else move_async, 4)
    assert result.successful_messages == 9
    assert await unseen(client) == []
    await client.select("Done")
    assert len(await client.search()) == 9


async def test_a_handler_that_leaves_the_mailbox(client: Any) -> None:
    """Nothing is marked or fetched in another mailbox."""
    await client.create("Other")
    blocking = getattr(client, "_blocking", None)

    async def leave(message: EmailMessage) -> None:
        await client.select("Other")

    handler = (lambda _: blocking.select("Other")) if blocking else leave
    with pytest.raises(MailboxMismatch) as caught:
        await process(client, await client.search(), handler, 4)
    books: Any = caught.value.partial
    assert (books.failed_messages, books.unmarked.uids) == (9, UIDSet.of([1]))
    await client.select("INBOX")
    assert await unseen(client) == list(range(1, 10))


async def test_refusals(client: Any) -> None:
    """What cannot end well is refused before the first handler is called."""
    called: list[EmailMessage] = []
    with pytest.raises(MailboxMismatch):
        await process(client, MessageSet("1", "Elsewhere"), called.append)
    await client.select("INBOX", readonly=True)
    with pytest.raises(LocalProtocolError, match="read-only"):
        await process(client, MessageSet("1"), called.append)
    assert called == []
    assert (await process(client, MessageSet("1"), called.append, mark_seen=False)).success
    assert [message.uid for message in called] == [1]


async def test_a_lost_connection(client: Any) -> None:
    """A connection that ends is raised, with the books up to there."""
    blocking = getattr(client, "_blocking", None)

    async def cut(message: EmailMessage) -> None:
        if message.uid == 3:
            await client.close()

    def cut_blocking(message: EmailMessage) -> None:
        if message.uid == 3:
            blocking.close()  # type: ignore[union-attr]  # only where the shell is blocking

    with pytest.raises(ConnectionLost) as caught:
        await process(client, await client.search(), cut_blocking if blocking else cut, 4)
    done = caught.value.partial
    assert done.messages == UIDSet.of([1, 2])  # type: ignore[attr-defined]


async def test_folders(client: Any) -> None:
    """Mailboxes are renamed, subscribed to and deleted, but never the one that is selected."""
    await client.create("Box")
    await client.subscribe("Box")
    await client.rename("Box", "Crate")
    await client.unsubscribe("Box")
    assert {m.name for m in await client.list()} >= {"Crate", "INBOX"}
    await client.select("Crate")
    with pytest.raises(LocalProtocolError, match="unselect"):
        await client.delete("Crate")
    with pytest.raises(LocalProtocolError, match="unselect"):
        await client.rename("Crate", "Other")
    await client.unselect()
    await client.delete("Crate")
    with pytest.raises(CommandRejected):
        await client.delete("Crate")


# The peak is read where the kernel keeps it by address space: ru_maxrss begins at the parent's.
MEMORY = """
    import re, sys
    from pathlib import Path
    from sage_imap.services import IMAPClient, IMAPMailboxUIDService

    port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    config = dict(host="127.0.0.1", port=port, username=user, password=password, use_ssl=False)
    with IMAPClient(config) as client:
        service = IMAPMailboxUIDService(client)
        service.select("INBOX")
        found = service.create_message_set_from_search()
        sizes = []
        result = service.process_messages_in_batches(
            found, lambda message: sizes.append(len(message.attachments[0].content))
        )
        assert result.successful_messages == len(found) == 10, result
        assert set(sizes) == {22_500_000}, sizes
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    print(int(peak[1]) // 1024)
"""


async def test_memory(dovecot: Dovecot, dovecot_user: str) -> None:
    """A batch of mails of 30 MB stays within 250 MB, their attachments decoded."""
    head = (
        b"Subject: large\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    large = head + (b"A" * 76 + b"\r\n") * (30_000_000 // 76) + b"A" * (30_000_000 % 76) + b"\r\n"
    async with connected("asyncio", settings(dovecot, dovecot_user)) as client:
        for _ in range(10):
            await client.append("INBOX", large)
    arguments = [sys.executable, "-c", textwrap.dedent(MEMORY), str(dovecot.port), dovecot_user]
    run = await asyncio.to_thread(
        subprocess.run, [*arguments, PASSWORD], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 250
