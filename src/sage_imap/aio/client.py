"""The asyncio client: plain methods that return values and raise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sage_imap.aio.driver import Driver
from sage_imap.aio.idle import IdleSession
from sage_imap.config import IMAPConfig
from sage_imap.models.message import MessageSet
from sage_imap.models.results import (
    AppendResult,
    FetchRow,
    ListedMailbox,
    MailboxStatus,
    MoveResult,
    ParseFailure,
    SelectedMailbox,
    StoreResult,
)
from sage_imap.operations import (
    connecting,
    fetching,
    folders,
    mailboxes,
    messages,
    moving,
    searching,
)
from sage_imap.operations import (
    session as sessions,
)
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Session
from sage_imap.protocol.commands import StoreMode
from sage_imap.protocol.events import Event, NamespaceReceived
from sage_imap.protocol.quirks import Quirks
from sage_imap.protocol.state import ConnectionState
from sage_imap.providers import Provider

__all__ = ["IMAPClient"]

P = ParamSpec("P")
T = TypeVar("T")
# Within the class, `list` is a method.
FetchedRows = list[FetchRow | ParseFailure]
FoundEvents = list[Event]


class IMAPClient:
    """One connection to a mail server.

    *config* is an `IMAPConfig` or a mapping of its fields. As a context manager it connects and
    signs in, and takes leave at the end. Methods raise the errors of `sage_imap.errors`; after a
    `ConnectionLost` nothing can be sent until `connect` was called anew.
    """

    def __init__(self, config: IMAPConfig | Mapping[str, Any]) -> None:
        self.config = IMAPConfig.of(config)
        self._driver = Driver(self.config)
        self._idle: IdleSession | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            await self.logout()
        else:
            await self.close()

    async def connect(self) -> Self:
        """Connect and sign in; the client itself."""
        await self._driver.connect()
        return self

    async def logout(self) -> None:
        """Take leave, if the connection still allows it, and close it; IDLE is ended before.

        What anybody else asks for from this call on raises `ConnectionLost`; nothing is sent then.
        """
        self._driver.leave()
        if self._idle is not None:
            self._idle.stop()
        await self._driver.log_out()

    async def close(self) -> None:
        """Close the connection without a word; may be called twice."""
        await self._driver.close()

    @property
    def connected(self) -> bool:
        """Whether the connection is open and usable, as far as is known."""
        return self._driver.usable

    @property
    def capabilities(self) -> frozenset[str]:
        """What the server offers, in upper case."""
        return self._driver.session.connection.capabilities

    @property
    def provider(self) -> Provider:
        """Whose server it is, as far as that can be told, and what is known about it."""
        return self._driver.session.provider

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return self._driver.session.connection.state

    @property
    def mailbox(self) -> SelectedMailbox | None:
        """The selected mailbox, its ``exists`` as last told."""
        return self._driver.session.mailbox

    @property
    def quirks(self) -> Quirks:
        """Which tolerances are in force, and in ``seen`` how often each was needed."""
        return self._driver.session.connection.quirks

    def take_events(self) -> list[Event]:
        """What the server told unasked since the last call: EXISTS, EXPUNGE, flags."""
        return self._driver.session.take_news()

    async def run(
        self,
        operation: Callable[Concatenate[Session, P], Operation[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Carry out an operation of `sage_imap.operations`, or one of your own."""
        return await self._driver.run(operation, *args, **kwargs)

    async def noop(self) -> None:
        """Give the server an occasion to tell news."""
        await self.run(sessions.noop)

    async def id(self, fields: Mapping[str, str | None] | None = None) -> dict[str, str | None]:
        """Say who we are; what the server says of itself (RFC 2971)."""
        return await self.run(connecting.identify, fields)

    async def enable(self, *names: str) -> frozenset[str]:
        """Switch extensions on (RFC 5161); all that are on."""
        return await self.run(connecting.enable, *names)

    async def namespace(self) -> NamespaceReceived:
        """The namespaces (RFC 2342)."""
        return await self.run(mailboxes.namespace)

    async def list(self, reference: str = "", pattern: str = "*") -> list[ListedMailbox]:
        """The mailboxes whose names fit *pattern*."""
        return await self.run(mailboxes.list_mailboxes, reference, pattern)

    async def create(self, name: str) -> None:
        """Create a mailbox, named in the server's own spelling."""
        await self.run(mailboxes.create, name)

    async def delete(self, name: str) -> None:
        """Delete a mailbox and what is in it; not the one that is selected."""
        await self.run(mailboxes.delete, name)

    async def rename(self, name: str, to: str) -> None:
        """Rename a mailbox with what is below it; not the one that is selected."""
        await self.run(mailboxes.rename, name, to)

    async def subscribe(self, name: str) -> None:
        """Add a mailbox to those that clients show."""
        await self.run(mailboxes.subscribe, name, subscribed=True)

    async def unsubscribe(self, name: str) -> None:
        """Take a mailbox out of those that clients show."""
        await self.run(mailboxes.subscribe, name, subscribed=False)

    async def ensure_folder(self, logical: str) -> str:
        """The server's name of the folder *logical* (``INBOX/Support``), created if missing."""
        return await self.run(folders.ensure_folder, logical)

    async def find_folder(self, logical: str) -> str | None:
        """The server's name of the folder *logical*; None where it is not there."""
        return await self.run(folders.find_folder, logical)

    async def select(
        self, name: str, *, readonly: bool = False, condstore: bool | None = None
    ) -> SelectedMailbox:
        """Select a mailbox, with mod-sequences where the server keeps them."""
        return await self.run(mailboxes.select, name, readonly=readonly, condstore=condstore)

    async def unselect(self) -> None:
        """Leave the selected mailbox; nothing is expunged."""
        await self.run(mailboxes.unselect)

    async def status(self, name: str, items: str | Iterable[str] | None = None) -> MailboxStatus:
        """Counters of a mailbox that need not be selected."""
        return await self.run(mailboxes.status, name, items)

    async def append(
        self,
        mailbox: str,
        data: bytes | bytearray | memoryview,
        *,
        flags: str | Iterable[str] = (),
        date: datetime | None = None,
    ) -> AppendResult:
        """Add a message to a mailbox."""
        return await self.run(messages.append, mailbox, data, flags=flags, date=date)

    async def search(
        self, criteria: str | Iterable[str] = "ALL", *, changed_since: int | None = None
    ) -> MessageSet:
        """The messages of the selected mailbox that fit."""
        return await self.run(searching.search, criteria, changed_since=changed_since)

    async def fetch(
        self,
        message_set: MessageSet,
        items: str | Iterable[str],
        *,
        changed_since: int | None = None,
    ) -> FetchedRows:
        """All rows at once; what could not be understood is among them as `ParseFailure`.

        Ask with ``isinstance(row, FetchRow)``. A `ParseFailure` has the ``uid`` if that could be
        read, else None, and the ``reason``.
        """
        return await self.run(fetching.fetch, message_set, items, changed_since=changed_since)

    async def iter_fetch(
        self,
        message_set: MessageSet,
        items: str | Iterable[str],
        *,
        changed_since: int | None = None,
        sizes: Mapping[int, int] | None = None,
    ) -> AsyncIterator[FetchRow | ParseFailure]:
        """Rows as they come, fetched ahead within a bound.

        Other commands may be sent between two rows, and the iteration may be left at any row. What
        the server left out is None in a row, as where the message was just being removed.
        What could not be understood is a `ParseFailure` among the rows, as of `fetch`.
        *sizes*, octets by UID, are those that RFC822.SIZE told; without them, or where one is
        lacking, they are asked for before bodies.
        """
        stream = await self.run(
            fetching.open_stream, message_set, items, changed_since=changed_since, sizes=sizes
        )
        while (rows := await self.run(fetching.next_rows, stream)) is not None:
            for row in rows:
                yield row

    async def store(
        self,
        message_set: MessageSet,
        flags: str | Iterable[str],
        *,
        mode: StoreMode = "add",
        unchanged_since: int | None = None,
    ) -> StoreResult:
        """Add, remove or replace flags."""
        return await self.run(
            messages.store, message_set, flags, mode=mode, unchanged_since=unchanged_since
        )

    async def copy(self, message_set: MessageSet, mailbox: str) -> MoveResult:
        """Copy messages into another mailbox."""
        return await self.run(moving.copy, message_set, mailbox)

    async def move(self, message_set: MessageSet, mailbox: str) -> MoveResult:
        """Move messages into another mailbox."""
        return await self.run(moving.move, message_set, mailbox)

    async def expunge(self, message_set: MessageSet) -> None:
        """Remove those of the messages that are flagged ``\\Deleted``, and no other."""
        await self.run(messages.expunge, message_set)

    def idle(self, *, renew: float | None = None) -> IdleSession:
        """IDLE, held from ``await`` or ``async with`` until `done` or the end of the block.

        It is renewed every *renew* seconds, by default as often as the provider needs it. Where it
        is held already, it is the same one.
        """
        if self._idle is None or self._idle.over:
            renewal = self.provider.idle_renewal if renew is None else renew
            self._idle = IdleSession(self._driver, renew=renewal)
        return self._idle

    async def done(self) -> None:
        """End the IDLE that `idle` began; news that came meanwhile are kept. Else do nothing.

        From another task it also ends the wait for news that goes on.
        """
        if self._idle is not None:
            await self._idle.done()

    async def response(self, name: str = "IDLE") -> tuple[str, FoundEvents]:
        """*name* and the news of that kind that have come by now; nothing is waited for.

        ``IDLE`` stands for all kinds, ``EXISTS``, ``EXPUNGE``, ``FETCH`` and ``VANISHED`` for
        their own; what is of another kind is kept. Raises `ConnectionLost` where the link is gone.
        """
        kind = sessions.kind_of_news(name)
        session = self._driver.session
        idle = self._idle
        # What another task reads meanwhile becomes news, too.
        if idle is not None and idle.held and not self._driver.elsewhere:
            news = await idle.wait(0)
        else:
            news = session.take_news()
        if not news:
            self._driver.check_open()
        return name, session.keep_others(kind, news)
