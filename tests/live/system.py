"""The whole system on a real server, in process, and what tests ask of it."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sage_imap.aio import IMAPClient
from sage_imap.models.message import MessageSet
from sage_imap.models.results import FetchRow
from sage_mail.records import EventRecord, MessageRecord
from sage_mail.runtime import Runtime
from sage_mail.settings import HttpSettings, Settings
from sage_mail.storage import Storage
from tests.support.dovecot import PASSWORD, Dovecot, dovecot_server

__all__ = [
    "SUPPORT",
    "System",
    "account",
    "append",
    "flags",
    "logged_in",
    "mail",
    "own_server",
    "running",
    "settings_for",
    "uids",
    "without_keywords",
]

# What the lexicon is sure to call support, for tests of filing.
SUPPORT = (
    "Hello, the login page shows an error message and my account does not work. "
    "Please help, I need technical support to fix this bug. The app crashes."
)


def mail(
    number: int, *, subject: str | None = None, body: str = "Hello", sender: str = "ann"
) -> bytes:
    """A small message of its own."""
    return (
        f"From: {sender.title()} <{sender}@example.org>\r\nTo: me@example.net\r\n"
        f"Subject: {subject or f'Message {number}'}\r\nMessage-ID: <{number}@example.org>\r\n"
        f"Date: Mon, 05 Jan 2026 10:00:00 +0000\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    ).encode()


def account(server: Dovecot, user: str, **changes: Any) -> dict[str, Any]:
    """The settings of an account."""
    return {
        "name": user,
        "host": server.host,
        "port": server.port,
        "security": "plain",
        "username": user,
        "password": PASSWORD,
        "timeout": 10,
        "poll_interval": 1,
        **changes,
    }


def settings_for(folder: Path, accounts: Sequence[dict[str, Any]], **changes: Any) -> Settings:
    """Settings with everything below the folder."""
    # A free port, since several systems run at once.
    return Settings(
        data_dir=folder / "data",
        accounts=list(accounts),
        **{"http": HttpSettings(port=0), **changes},
    )


@contextmanager
def own_server(**options: str) -> Iterator[Dovecot]:
    """A Dovecot for one test alone, to be stopped and started."""
    # Not below pytest's own folder, which is closed to the users under which Dovecot runs.
    with tempfile.TemporaryDirectory(prefix="sage-dovecot-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with dovecot_server(folder, **options) as server:
            yield server


@contextmanager
def without_keywords() -> Iterator[Dovecot]:
    """A Dovecot whose users have no right to set other flags than \\Seen and \\Deleted."""
    with tempfile.TemporaryDirectory(prefix="sage-acl-") as name:
        Path(name).chmod(0o755)  # it is read by the users under which Dovecot runs
        rights = Path(name) / "rights"
        rights.write_text("* owner lrstipekxa\n")
        plugin = f"mail_plugins = acl\nplugin {{\n  acl = vfile:{rights}\n}}"
        with own_server(extra=plugin) as server:
            yield server


@asynccontextmanager
async def logged_in(server: Dovecot, user: str) -> AsyncIterator[IMAPClient]:
    """The user's own mail program."""
    config = {
        "host": server.host,
        "port": server.port,
        "security": "plain",
        "username": user,
        "password": PASSWORD,
    }
    async with IMAPClient(config) as client:
        yield client


async def append(server: Dovecot, user: str, *messages: bytes, mailbox: str = "INBOX") -> list[int]:
    """Append messages to the user's mailbox; their UIDs."""
    async with logged_in(server, user) as client:
        results = [await client.append(mailbox, message) for message in messages]
    return [result.uid or 0 for result in results]


async def uids(client: IMAPClient, mailbox: str) -> MessageSet:
    """The messages in the mailbox, which stays selected."""
    await client.select(mailbox)
    return await client.search("ALL")


async def flags(client: IMAPClient, mailbox: str) -> list[tuple[str, ...]]:
    """The flags of each message in the mailbox."""
    rows = await client.fetch(await uids(client, mailbox), ["FLAGS"])
    return [row.flags or () for row in rows if isinstance(row, FetchRow)]


@dataclass(slots=True)
class System:
    """What tests ask of a storage that a runtime, here or in another process, writes to."""

    storage: Storage

    async def events(self, *types: str) -> list[EventRecord]:
        """All events so far, or those of the types."""
        async with self.storage.read() as uow:
            return await uow.events.after(0, limit=100_000, types=types)

    async def messages(self) -> list[MessageRecord]:
        """All stored messages that have been announced, oldest first."""
        async with self.storage.read() as uow:
            found = await uow.messages.latest(100_000)
        return [message for message in reversed(found) if message.announced]

    async def until(
        self,
        condition: Callable[[list[EventRecord]], bool],
        *types: str,
        seconds: float = 20.0,
    ) -> list[EventRecord]:
        """The events as soon as they fulfil the condition."""
        found: list[EventRecord] = []
        try:
            async with asyncio.timeout(seconds), self.storage.commits.subscribe() as wakeups:
                while not condition(found := await self.events(*types)):
                    await wakeups.wait(0.2)
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s: {summary(found)}") from None
        return found

    async def until_count(
        self, type_: str, count: int, *, seconds: float = 20.0
    ) -> list[EventRecord]:
        """The events of the type, once there are that many."""
        return await self.until(lambda found: len(found) >= count, type_, seconds=seconds)

    async def until_seen(self, mailbox: str, *, seconds: float = 20.0) -> None:
        """Wait until the mailbox has been seen whole."""

        async def seen() -> bool:
            async with self.storage.read() as uow:
                for known in await uow.accounts.list():
                    box = await uow.mailboxes.find(known.id, mailbox)
                    if box is not None and box.last_verified_at is not None:
                        return True
            return False

        async with asyncio.timeout(seconds):
            while not await seen():
                await asyncio.sleep(0.05)

    async def counts(self) -> Counter[str]:
        """How many events of each type there are."""
        return Counter(event.type for event in await self.events())


def summary(events: Sequence[EventRecord]) -> str:
    """Events for a failed test's message."""
    return json.dumps([(e.seq, e.type, e.mailbox, e.data.get("uid")) for e in events])


@asynccontextmanager
async def running(settings: Settings, *, grace: float = 0.5) -> AsyncIterator[System]:
    """The system, in this process."""
    async with Runtime(settings, grace=grace) as runtime:
        yield System(runtime.storage)
