"""The guide's folder service."""

from __future__ import annotations

from sage_imap.aio.client import IMAPClient
from sage_imap.models.results import ListedMailbox, OperationResult
from sage_imap.operations import mailboxes, outcomes

__all__ = ["IMAPFolderService"]


class IMAPFolderService:
    """The mailboxes of the account."""

    def __init__(self, client: IMAPClient) -> None:
        self.client = client

    async def list(self, pattern: str = "*") -> list[ListedMailbox]:
        """The mailboxes whose names fit."""
        return await self.client.list("", pattern)

    async def create(self, name: str) -> OperationResult[None]:
        """Create a mailbox, named in the server's own spelling."""
        return await self.client.run(outcomes.outcome, mailboxes.create, name)

    async def delete(self, name: str) -> OperationResult[None]:
        """Delete a mailbox and what is in it; not the one that is selected."""
        return await self.client.run(outcomes.outcome, mailboxes.delete, name)

    async def rename(self, name: str, to: str) -> OperationResult[None]:
        """Rename a mailbox with what is below it; not the one that is selected."""
        return await self.client.run(outcomes.outcome, mailboxes.rename, name, to)

    async def subscribe(self, name: str) -> OperationResult[None]:
        """Add a mailbox to those that clients show."""
        return await self.client.run(outcomes.outcome, mailboxes.subscribe, name, subscribed=True)

    async def unsubscribe(self, name: str) -> OperationResult[None]:
        """Take a mailbox out of those that clients show."""
        return await self.client.run(outcomes.outcome, mailboxes.subscribe, name, subscribed=False)

    async def ensure(self, logical: str) -> str:
        """The server's name of the folder *logical*, created if missing."""
        return await self.client.ensure_folder(logical)

    async def find(self, logical: str) -> str | None:
        """The server's name of the folder *logical*; None where it is not there."""
        return await self.client.find_folder(logical)
