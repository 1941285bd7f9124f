"""Messages handed to a handler, by both shells: what a handler does wrong, and what the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sage_imap import aio, services
from sage_imap.config import IMAPConfig
from sage_imap.errors import (
    CommandRejected,
    ConnectionLost,
    LocalProtocolError,
    MailboxMismatch,
    MarkFailed,
    MessageGone,
    MessageUnreadable,
)
from sage_imap.models.email import EmailMessage
from sage_imap.models.message import MessageSet
from sage_imap.models.results import OperationResult
from sage_imap.protocol.sets import UIDSet
from tests.support.script_server import HELLO, ScriptServer
from tests.support.shells import SHELLS, connected

BEGINNING = rf"""
>> {HELLO}
<< A1 LOGIN "ann" "pw"
>> A1 OK [CAPABILITY IMAP4rev1 LITERAL+] in
<< A2 SELECT "INBOX"
>> * OK [UIDVALIDITY 7] valid\r\nA2 OK [READ-WRITE] done
<< A3 UID FETCH 1:3 (UID RFC822.SIZE)
>> * 1 FETCH (UID 1 RFC822.SIZE 4)\r\n* 2 FETCH (UID 2 RFC822.SIZE 4)
>> * 3 FETCH (UID 3 RFC822.SIZE 4)\r\nA3 OK done
<< A4 UID FETCH 1:3 (UID FLAGS INTERNALDATE BODY.PEEK[])
>> * 1 FETCH (UID 1 FLAGS () INTERNALDATE "17-Jul-2026 02:44:25 +0000" BODY[] "a: b")
>> * 2 FETCH (UID 2 FLAGS () INTERNALDATE "17-Jul-2026 02:44:25 +0000" BODY[] "a: b")
>> * 3 FETCH (UID 3 FLAGS () INTERNALDATE "17-Jul-2026 02:44:25 +0000" BODY[] "a: b")
>> A4 OK done
"""
MARKED = "<< A{tag} UID STORE {uid} +FLAGS (\\\\Seen)\n>> A{tag} OK done\n"
Handler = Callable[[EmailMessage], object]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """The name of a shell."""
    return str(request.param)


class Run:
    """A client with three mails in INBOX, and what becomes of them."""

    def __init__(self, client: Any, server: ScriptServer) -> None:
        self.client = client
        self.server = server
        self.called: list[int | None] = []

    @property
    def said(self) -> bytes:
        """All that the client said."""
        return b"".join(self.server.received)

    async def process(
        self, act: Callable[[int, Any], Any], *, uids: str = "1:3", **options: Any
    ) -> Any:
        """Have *act* called with each UID and the client, in the way of the shell."""
        found = MessageSet(uids, mailbox="INBOX", uidvalidity=7)
        if isinstance(self.client, aio.IMAPClient):

            async def asynchronous(message: EmailMessage) -> None:
                self.called.append(message.uid)
                await act(message.uid or 0, self.client)

            return await self.hand_out(found, asynchronous, **options)

        def handler(message: EmailMessage) -> None:
            self.called.append(message.uid)
            # What the shells call differs by an await alone.
            asyncio.run(act(message.uid or 0, self.client))

        return await self.hand_out(found, handler, **options)

    async def hand_out(self, found: MessageSet, handler: Any, **options: Any) -> Any:
        """Hand the messages *found* to *handler*."""
        if isinstance(self.client, aio.IMAPClient):
            service = aio.IMAPMailboxUIDService(self.client)
            return await service.process_messages_in_batches(found, handler, **options)
        blocking = services.IMAPMailboxUIDService(self.client._blocking)
        return await asyncio.to_thread(
            blocking.process_messages_in_batches, found, handler, **options
        )


@asynccontextmanager
async def running(shell: str, script: str, beginning: str = BEGINNING) -> AsyncIterator[Run]:
    """A run at a server that plays *script* once the messages were fetched."""
    with ScriptServer(beginning + script + "\n.. silence") as server:
        config = IMAPConfig(
            host="127.0.0.1",
            port=server.port,
            security="plain",
            username="ann",
            password="pw",
            timeout=5.0,
        )
        async with connected(shell, config) as client:
            await client.select("INBOX")
            yield Run(client, server)


async def _nothing(uid: int, client: Any) -> None:
    """A handler that returns."""


@pytest.mark.parametrize("handler", [None, "print", 5])
async def test_a_handler_that_cannot_be_called(shell: str, handler: Any) -> None:
    """It is refused in words, and nothing is fetched for it."""
    beginning = BEGINNING.partition("<< A3")[0]
    async with running(shell, "<< A3 NOOP\n>> A3 OK done", beginning) as run:
        found = MessageSet("1:3", mailbox="INBOX", uidvalidity=7)
        words = f"a function that takes a message, not {type(handler).__name__}; nothing was"
        with pytest.raises(LocalProtocolError, match=words):
            await run.hand_out(found, handler)
        await run.client.noop()


async def test_marks_that_are_refused(shell: str) -> None:
    """What was processed and not marked is told apart from what was not processed."""
    script = (
        MARKED.format(tag=5, uid=1)
        + "<< A6 UID STORE 2 +FLAGS (\\\\Seen)\n>> A6 NO [NOPERM] no\n"
        + "<< A7 NOOP\n>> A7 OK done"
    )

    async def third_fails(uid: int, client: Any) -> None:
        if uid == 3:
            raise ValueError

    async with running(shell, script) as run:
        result = await run.process(third_fails)
        await run.client.noop()
    assert run.called == [1, 2, 3]
    assert [f.uid for f in result.failures] == [2, 3]
    assert isinstance(result.failures[0].error, MarkFailed)
    assert isinstance(result.failures[0].error.__cause__, CommandRejected)
    assert (result.messages, result.unmarked.uids) == (UIDSet.of([1]), UIDSet.of([2]))
    assert result.unmarked.matches("INBOX", 7)
    assert result.untouched.uids == UIDSet.of([3])
    assert (result.successful_messages, result.failed_messages) == (1, 2)
    assert "1 of 3 messages were not processed and 1 were processed but not marked" in (
        result.error_message
    )


async def test_messages_that_do_not_come(shell: str) -> None:
    """Whether they are gone is looked up: a server may leave out what it has."""
    first = '* 1 FETCH (UID 1 FLAGS () INTERNALDATE "17-Jul-2026 02:44:25 +0000" BODY[] "a: b")'
    beginning = BEGINNING[: BEGINNING.index(f">> {first}")]
    script = r"""
>> * 1 FETCH (UID 1 FLAGS (\\Deleted))\r\n* 2 FETCH (UID 2 FLAGS ())
>> A4 OK done
<< A5 UID SEARCH UID 1:3
>> * SEARCH 2\r\nA5 OK done
"""
    async with running(shell, script, beginning.rstrip()) as run:
        result = await run.process(_nothing)
    assert run.called == []
    assert [(f.uid, type(f.error)) for f in result.failures] == [
        (1, MessageGone),
        (2, MessageUnreadable),
        (3, MessageGone),
    ]


async def test_connection_that_ends_at_the_mark(shell: str) -> None:
    """A handler that returned right before the end is not forgotten."""
    script = MARKED.format(tag=5, uid=1) + "<< A6 UID STORE 2 +FLAGS (\\\\Seen)\n.. eof"
    async with running(shell, script) as run:
        with pytest.raises(ConnectionLost) as caught:
            await run.process(_nothing)
    books = caught.value.partial
    assert isinstance(books, OperationResult)
    assert run.called == [1, 2]
    assert (books.messages, books.unmarked.uids) == (UIDSet.of([1]), UIDSet.of([2]))
    assert books.untouched.uids == UIDSet.of([3])


async def test_handler_that_ends_the_connection(shell: str) -> None:
    """Whatever a handler raises where the connection is gone, the books come with it."""

    async def close(uid: int, client: Any) -> None:
        await client.close()
        raise ValueError("a slip")

    async with running(shell, "") as run:
        with pytest.raises(ConnectionLost) as caught:
            await run.process(close)
    books = caught.value.partial
    assert isinstance(books, OperationResult)
    assert isinstance(caught.value.__cause__, ValueError)
    assert [type(f.error) for f in books.failures] == [ValueError, ConnectionLost, ConnectionLost]


SELECT_OTHER = (
    '<< A{tag} SELECT "Other"\n'
    r">> * OK [UIDVALIDITY 8] valid\r\nA{tag} OK [READ-WRITE] done" + "\n"
)


async def test_handler_that_leaves_another_mailbox_selected(shell: str) -> None:
    """The run stops at once: nobody is called in vain, and nothing is marked elsewhere."""

    async def leave(uid: int, client: Any) -> None:
        if uid == 2:
            await client.select("Other")

    script = MARKED.format(tag=5, uid=1) + SELECT_OTHER.format(tag=6) + "<< A7 NOOP\n>> A7 OK done"
    async with running(shell, script) as run:
        with pytest.raises(MailboxMismatch, match="another mailbox") as caught:
            await run.process(leave)
        await run.client.noop()
        assert run.said.count(b"STORE") == 1
    books = caught.value.partial
    assert isinstance(books, OperationResult)
    assert run.called == [1, 2]
    assert (books.messages, books.unmarked.uids) == (UIDSet.of([1]), UIDSet.of([2]))
    assert books.untouched.uids == UIDSet.of([3])


async def test_mailbox_left_where_nothing_is_marked(shell: str) -> None:
    """Without marks as well; after the last message it is nobody's concern."""

    async def leave(uid: int, client: Any) -> None:
        if uid == last:
            await client.select("Other")

    for last, called in ((2, [1, 2]), (3, [1, 2, 3])):
        async with running(shell, SELECT_OTHER.format(tag=5)) as run:
            if last == 3:
                assert (await run.process(leave, mark_seen=False)).successful_messages == 3
            else:
                with pytest.raises(MailboxMismatch) as caught:
                    await run.process(leave, mark_seen=False)
                assert isinstance(caught.value.partial, OperationResult)
                assert caught.value.partial.messages == UIDSet.of([1, 2])
        assert run.called == called


async def test_a_wide_range(shell: str) -> None:
    """Of a wide range those count that are there; a message that was named and is gone failed."""
    before, _, after = BEGINNING.partition("<< A3 UID FETCH")
    look = r"""<< A3 UID SEARCH UID 1:100000,500000
    >> * SEARCH 1 2 3\r\nA3 OK done
    """
    fetches = f"<< A3 UID FETCH{after}".replace("A4", "A5").replace("A3", "A4")
    gone = "<< A6 UID SEARCH UID 500000\n>> A6 OK done"
    async with running(shell, gone, before + look + fetches) as run:
        result = await run.process(_nothing, uids="1:100000,500000", mark_seen=False)
    assert run.called == [1, 2, 3]
    assert (result.successful_messages, result.failed_messages) == (3, 1)
    assert [(f.uid, type(f.error)) for f in result.failures] == [(500_000, MessageGone)]
    assert str(result.absent) == "4:100000"
    assert "1 of 4 messages" in result.error_message
    assert str(result.untouched) == "500000"


async def test_mailbox_left_read_only(shell: str) -> None:
    """A mailbox that a handler selected read-only takes no mark, so that the run stops."""

    async def look(uid: int, client: Any) -> None:
        await client.select("INBOX", readonly=True)

    script = '<< A5 EXAMINE "INBOX"\n' r">> * OK [UIDVALIDITY 7] valid\r\nA5 OK [READ-ONLY] done"
    async with running(shell, script) as run:
        with pytest.raises(MailboxMismatch, match="read-only") as caught:
            await run.process(look)
    assert run.called == [1]
    assert caught.value.partial.unmarked.uids == UIDSet.of([1])  # type: ignore[attr-defined]


async def test_handler_that_is_stopped(shell: str) -> None:
    """What is no error of a handler's (Ctrl-C) passes, marks nothing and breaks nothing."""

    class Stop(BaseException):
        pass

    async def stop(uid: int, client: Any) -> None:
        raise Stop

    async with running(shell, "<< A5 NOOP\n>> A5 OK done") as run:
        with pytest.raises(Stop):
            await run.process(stop)
        await run.client.noop()
    assert run.called == [1]


def test_coroutine_function_for_the_blocking_client() -> None:
    """Messages of which nothing was done are not marked, and the remedy is told."""

    async def handler(message: EmailMessage) -> None:
        raise AssertionError("it is never awaited")

    async def main() -> None:
        async with running("blocking", "") as run:
            service = services.IMAPMailboxUIDService(run.client._blocking)
            with pytest.raises(LocalProtocolError, match="aio") as caught:
                await asyncio.to_thread(
                    service.process_messages_in_batches,
                    MessageSet("1:3", mailbox="INBOX", uidvalidity=7),
                    handler,
                )
            assert caught.value.partial.untouched.uids == UIDSet.of(  # type: ignore[attr-defined]
                [1, 2, 3]
            )
            assert b"STORE" not in run.said

    asyncio.run(main())
