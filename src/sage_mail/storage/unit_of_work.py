"""The unit of work: one transaction with the repositories over it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from sage_mail.storage.accounts import Accounts
from sage_mail.storage.actions import Actions
from sage_mail.storage.analyses import Analyses
from sage_mail.storage.corrections import Corrections
from sage_mail.storage.dead_letters import DeadLetters
from sage_mail.storage.endpoints import Endpoints
from sage_mail.storage.events import Events
from sage_mail.storage.mailboxes import Mailboxes
from sage_mail.storage.messages import Messages
from sage_mail.storage.outbox import Outbox
from sage_mail.storage.transaction import Transaction

__all__ = ["UnitOfWork"]


class UnitOfWork:
    """One transaction; nothing of it is kept unless `commit` returns.

    Keep it short and do no other IO inside: on SQLite every other writer waits for it.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.accounts = Accounts(transaction)
        self.mailboxes = Mailboxes(transaction)
        self.messages = Messages(transaction)
        self.analyses = Analyses(transaction)
        self.events = Events(transaction)
        self.outbox = Outbox(transaction)
        self.endpoints = Endpoints(transaction)
        self.dead_letters = DeadLetters(transaction)
        self.actions = Actions(transaction)
        self.corrections = Corrections(transaction)

    async def commit(self) -> None:
        """Make everything durable and visible at once; the unit of work is over.

        Raises:
            StorageError: nothing was kept (after `StorageUnavailable` that is not certain, so do
                again what is idempotent).
        """
        await self._transaction.commit()

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """A block that is undone alone if it raises; the error goes on to the caller.

        After `RecordRejected` inside the block the unit of work is usable as before it.
        """
        return self._transaction.savepoint()
