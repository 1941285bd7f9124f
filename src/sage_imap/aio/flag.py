"""The guide's flag service."""

from __future__ import annotations

from collections.abc import Iterable

from sage_imap.aio.client import IMAPClient
from sage_imap.models.message import MessageSet
from sage_imap.models.results import OperationResult, StoreResult
from sage_imap.operations import outcomes

__all__ = ["IMAPFlagService"]


class IMAPFlagService:
    """Flags of messages of the selected mailbox."""

    def __init__(self, client: IMAPClient) -> None:
        self.client = client

    async def add_flags(
        self, message_set: MessageSet, flags: str | Iterable[str]
    ) -> OperationResult[StoreResult]:
        """Set *flags* beside those that are set."""
        return await self.client.run(outcomes.stored, message_set, flags, "add")

    async def remove_flags(
        self, message_set: MessageSet, flags: str | Iterable[str]
    ) -> OperationResult[StoreResult]:
        """Take *flags* away."""
        return await self.client.run(outcomes.stored, message_set, flags, "remove")

    async def set_flags(
        self, message_set: MessageSet, flags: str | Iterable[str]
    ) -> OperationResult[StoreResult]:
        """Replace all flags by *flags*."""
        return await self.client.run(outcomes.stored, message_set, flags, "replace")
