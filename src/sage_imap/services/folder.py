"""The guide's folder service."""

from __future__ import annotations

from sage_imap.models.results import ListedMailbox, OperationResult
from sage_imap.operations import mailboxes, outcomes
from sage_imap.services.client import IMAPClient

__all__ = ["IMAPFolderService"]


class IMAPFolderService:
    """The mailboxes of the account."""

    def __init__(self, client: IMAPClient) -> None:
        self.client = client

    def list(self, pattern: str = "*") -> list[ListedMailbox]:
        """The mailboxes whose names fit."""
        return self.client.list("", pattern)

    def create(self, name: str) -> OperationResult[None]:
        """Create a mailbox, named in the server's own spelling."""
        return self.client.run(outcomes.outcome, mailboxes.create, name)

    def delete(self, name: str) -> OperationResult[None]:
        """Delete a mailbox and what is in it; not the one that is selected."""
        return self.client.run(outcomes.outcome, mailboxes.delete, name)

    def rename(self, name: str, to: str) -> OperationResult[None]:
        """Rename a mailbox with what is below it; not the one that is selected."""
        return self.client.run(outcomes.outcome, mailboxes.rename, name, to)

    def subscribe(self, name: str) -> OperationResult[None]:
        """Add a mailbox to those that clients show."""
        return self.client.run(outcomes.outcome, mailboxes.subscribe, name, subscribed=True)

    def unsubscribe(self, name: str) -> OperationResult[None]:
        """Take a mailbox out of those that clients show."""
        return self.client.run(outcomes.outcome, mailboxes.subscribe, name, subscribed=False)

    def ensure(self, logical: str) -> str:
        """The server's name of the folder *logical*, created if missing."""
        return self.client.ensure_folder(logical)

    def find(self, logical: str) -> str | None:
        """The server's name of the folder *logical*; None where it is not there."""
        return self.client.find_folder(logical)
