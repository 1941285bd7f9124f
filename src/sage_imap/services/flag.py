"""The guide's flag service."""

from __future__ import annotations

from collections.abc import Iterable

from sage_imap.models.message import MessageSet
from sage_imap.models.results import OperationResult, StoreResult
from sage_imap.operations import outcomes
from sage_imap.services.client import IMAPClient

__all__ = ["IMAPFlagService"]


class IMAPFlagService:
    """Flags of messages of the selected mailbox."""

    def __init__(self, client: IMAPClient) -> None:
        self.client = client

    def add_flags(
        self, message_set: MessageSet, flags: str | Iterable[str]
    ) -> OperationResult[StoreResult]:
        """Set *flags* beside those that are set."""
        return self.client.run(outcomes.stored, message_set, flags, "add")

    def remove_flags(
        self, message_set: MessageSet, flags: str | Iterable[str]
    ) -> OperationResult[StoreResult]:
        """Take *flags* away."""
        return self.client.run(outcomes.stored, message_set, flags, "remove")

    def set_flags(
        self, message_set: MessageSet, flags: str | Iterable[str]
    ) -> OperationResult[StoreResult]:
        """Replace all flags by *flags*."""
        return self.client.run(outcomes.stored, message_set, flags, "replace")
