"""The blocking client: plain methods that return values and raise."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

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
from sage_imap.services.driver import Driver
from sage_imap.services.idle import IdleSession
from sage_imap.services.readiness import ReadableSocket

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
        # Two threads that begin IDLE begin the same; a signal handler need not wait for its thread.
        self._choosing = threading.RLock()

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.logout()
        else:
            self.close()

    def connect(self) -> Self:
        """Connect and sign in; the client itself."""
        self._driver.connect()
        return self

    def logout(self) -> None:
        """Take leave, if the connection still allows it, and close it; IDLE is ended before.

        What anybody else asks for from this call on raises `ConnectionLost`; nothing is sent then.
        """
        self._driver.leave()
        if self._idle is not None:
            self._idle.stop()
        self._driver.log_out()

    def close(self) -> None:
        """Close the connection without a word; may be called twice."""
        self._driver.close()

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

    def run(
        self,
        operation: Callable[Concatenate[Session, P], Operation[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Carry out an operation of `sage_imap.operations`, or one of your own."""
        return self._driver.run(operation, *args, **kwargs)

    def noop(self) -> None:
        """Give the server an occasion to tell news."""
        self.run(sessions.noop)

    def id(self, fields: Mapping[str, str | None] | None = None) -> dict[str, str | None]:
        """Say who we are; what the server says of itself (RFC 2971)."""
        return self.run(connecting.identify, fields)

    def enable(self, *names: str) -> frozenset[str]:
        """Switch extensions on (RFC 5161); all that are on."""
        return self.run(connecting.enable, *names)

    def namespace(self) -> NamespaceReceived:
        """The namespaces (RFC 2342)."""
        return self.run(mailboxes.namespace)

    def list(self, reference: str = "", pattern: str = "*") -> list[ListedMailbox]:
        """The mailboxes whose names fit *pattern*."""
        return self.run(mailboxes.list_mailboxes, reference, pattern)

    def create(self, name: str) -> None:
        """Create a mailbox, named in the server's own spelling."""
        self.run(mailboxes.create, name)

    def delete(self, name: str) -> None:
        """Delete a mailbox and what is in it; not the one that is selected."""
        self.run(mailboxes.delete, name)

    def rename(self, name: str, to: str) -> None:
        """Rename a mailbox with what is below it; not the one that is selected."""
        self.run(mailboxes.rename, name, to)

    def subscribe(self, name: str) -> None:
        """Add a mailbox to those that clients show."""
        self.run(mailboxes.subscribe, name, subscribed=True)

    def unsubscribe(self, name: str) -> None:
        """Take a mailbox out of those that clients show."""
        self.run(mailboxes.subscribe, name, subscribed=False)

    def ensure_folder(self, logical: str) -> str:
        """The server's name of the folder *logical* (``INBOX/Support``), created if missing."""
        return self.run(folders.ensure_folder, logical)

    def find_folder(self, logical: str) -> str | None:
        """The server's name of the folder *logical*; None where it is not there."""
        return self.run(folders.find_folder, logical)

    def select(
        self, name: str, *, readonly: bool = False, condstore: bool | None = None
    ) -> SelectedMailbox:
        """Select a mailbox, with mod-sequences where the server keeps them."""
        return self.run(mailboxes.select, name, readonly=readonly, condstore=condstore)

    def unselect(self) -> None:
        """Leave the selected mailbox; nothing is expunged."""
        self.run(mailboxes.unselect)

    def status(self, name: str, items: str | Iterable[str] | None = None) -> MailboxStatus:
        """Counters of a mailbox that need not be selected."""
        return self.run(mailboxes.status, name, items)

    def append(
        self,
        mailbox: str,
        data: bytes | bytearray | memoryview,
        *,
        flags: str | Iterable[str] = (),
        date: datetime | None = None,
    ) -> AppendResult:
        """Add a message to a mailbox."""
        return self.run(messages.append, mailbox, data, flags=flags, date=date)

    def search(
        self, criteria: str | Iterable[str] = "ALL", *, changed_since: int | None = None
    ) -> MessageSet:
        """The messages of the selected mailbox that fit."""
        return self.run(searching.search, criteria, changed_since=changed_since)

    def fetch(
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
        return self.run(fetching.fetch, message_set, items, changed_since=changed_since)

    def iter_fetch(
        self,
        message_set: MessageSet,
        items: str | Iterable[str],
        *,
        changed_since: int | None = None,
        sizes: Mapping[int, int] | None = None,
    ) -> Iterator[FetchRow | ParseFailure]:
        """Rows as they come, fetched ahead within a bound.

        Other commands may be sent between two rows, and the iteration may be left at any row. What
        the server left out is None in a row, as where the message was just being removed.
        What could not be understood is a `ParseFailure` among the rows, as of `fetch`.
        *sizes*, octets by UID, are those that RFC822.SIZE told; without them, or where one is
        lacking, they are asked for before bodies.
        """
        stream = self.run(
            fetching.open_stream, message_set, items, changed_since=changed_since, sizes=sizes
        )
        while (rows := self.run(fetching.next_rows, stream)) is not None:
            yield from rows

    def store(
        self,
        message_set: MessageSet,
        flags: str | Iterable[str],
        *,
        mode: StoreMode = "add",
        unchanged_since: int | None = None,
    ) -> StoreResult:
        """Add, remove or replace flags."""
        return self.run(
            messages.store, message_set, flags, mode=mode, unchanged_since=unchanged_since
        )

    def copy(self, message_set: MessageSet, mailbox: str) -> MoveResult:
        """Copy messages into another mailbox."""
        return self.run(moving.copy, message_set, mailbox)

    def move(self, message_set: MessageSet, mailbox: str) -> MoveResult:
        """Move messages into another mailbox."""
        return self.run(moving.move, message_set, mailbox)

    def expunge(self, message_set: MessageSet) -> None:
        """Remove those of the messages that are flagged ``\\Deleted``, and no other."""
        self.run(messages.expunge, message_set)

    def idle(self, *, renew: float | None = None) -> IdleSession:
        """IDLE, held from this call until `done` or the end of its with block.

        It is renewed every *renew* seconds, by default as often as the provider needs it. Where it
        is held already, it is the same one.
        """
        with self._choosing:
            if self._idle is None or self._idle.over:
                renewal = self.provider.idle_renewal if renew is None else renew
                self._idle = IdleSession(self._driver, renew=renewal)
            idle = self._idle
        return idle.begin()

    @property
    def sock(self) -> ReadableSocket:
        """The connection for `select.select`: readable as soon as there is anything to tell."""
        return ReadableSocket(self._driver)

    def done(self) -> None:
        """End the IDLE that `idle` began; news that came meanwhile are kept. Else do nothing.

        From another thread it also ends the wait for news that goes on, that for `sock` included.
        """
        if self._idle is not None:
            self._idle.done()

    def response(self, name: str = "IDLE") -> tuple[str, FoundEvents]:
        """*name* and the news of that kind that have come by now; nothing is waited for.

        ``IDLE`` stands for all kinds, ``EXISTS``, ``EXPUNGE``, ``FETCH`` and ``VANISHED`` for
        their own; what is of another kind is kept. Raises `ConnectionLost` where the link is gone.
        """
        kind = sessions.kind_of_news(name)
        session = self._driver.session
        idle = self._idle
        # What another thread reads meanwhile becomes news, too.
        if idle is not None and idle.held and not self._driver.elsewhere:
            news = idle.wait(0)
        else:
            news = session.take_news()
        if not news:
            self._driver.check_open()
        return name, session.keep_others(kind, news)
