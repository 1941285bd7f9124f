"""The guide's mailbox service: select and searches raise, ``uid_*`` return results."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from sage_imap.aio.client import IMAPClient
from sage_imap.models.message import MessageSet
from sage_imap.models.results import (
    AppendResult,
    FetchRow,
    MailboxStatus,
    MoveResult,
    OperationResult,
    SelectedMailbox,
    StoreResult,
)
from sage_imap.operations import mailboxes, messages, outcomes
from sage_imap.protocol.commands import StoreMode
from sage_imap.protocol.events import ParseFailure

__all__ = ["IMAPMailboxUIDService"]


class IMAPMailboxUIDService:
    """Messages of the selected mailbox, by UID."""

    def __init__(self, client: IMAPClient) -> None:
        self.client = client

    async def select(self, name: str, *, readonly: bool = False) -> SelectedMailbox:
        """Select a mailbox; raises `MailboxNotFound` where there is none."""
        return await self.client.select(name, readonly=readonly)

    async def create_message_set_from_search(self, criteria: str = "ALL") -> MessageSet:
        """The messages that fit *criteria*, bound to the mailbox and its UIDVALIDITY."""
        return await self.client.search(criteria)

    async def uid_search(self, criteria: str = "ALL") -> MessageSet:
        """The same, under the command's name."""
        return await self.client.search(criteria)

    async def iter_fetch(
        self, message_set: MessageSet, items: Iterable[str]
    ) -> AsyncIterator[FetchRow | ParseFailure]:
        """Rows as they come, fetched ahead within a bound."""
        async for row in self.client.iter_fetch(message_set, items):
            yield row

    async def uid_fetch(
        self, message_set: MessageSet, items: str | Iterable[str]
    ) -> OperationResult[list[FetchRow | ParseFailure]]:
        """Fetch; whole messages are in ``metadata["fetched_messages"]``."""
        asked = [items] if isinstance(items, str) else list(items)
        return await self.client.run(outcomes.fetched, message_set, asked)

    async def uid_store(
        self, message_set: MessageSet, flags: str | Iterable[str], *, mode: StoreMode = "add"
    ) -> OperationResult[StoreResult]:
        """Add, remove or replace flags."""
        wanted = [flags] if isinstance(flags, str) else list(flags)
        return await self.client.run(outcomes.stored, message_set, wanted, mode)

    async def uid_copy(self, message_set: MessageSet, mailbox: str) -> OperationResult[MoveResult]:
        """Copy messages; ``messages`` says which were."""
        return await self.client.run(outcomes.copied, message_set, mailbox)

    async def uid_move(self, message_set: MessageSet, mailbox: str) -> OperationResult[MoveResult]:
        """Move messages; ``messages`` says which were."""
        return await self.client.run(outcomes.moved, message_set, mailbox)

    async def uid_delete(self, message_set: MessageSet) -> OperationResult[None]:
        """Remove messages, and no other message than these."""
        return await self.client.run(outcomes.deleted, message_set)

    async def uid_expunge(self, message_set: MessageSet) -> OperationResult[None]:
        """Remove those that are flagged ``\\Deleted`` among the messages."""
        return await self.client.run(outcomes.expunged, message_set)

    async def append(
        self, mailbox: str, data: bytes, *, flags: Iterable[str] = ()
    ) -> OperationResult[AppendResult]:
        """Add a message to a mailbox."""
        return await self.client.run(outcomes.outcome, messages.append, mailbox, data, flags=flags)

    async def status(self, name: str) -> OperationResult[MailboxStatus]:
        """Counters of a mailbox that need not be selected."""
        return await self.client.run(outcomes.outcome, mailboxes.status, name)
