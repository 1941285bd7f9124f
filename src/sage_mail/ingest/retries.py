"""Dead letters that somebody wants to be tried once more."""

from __future__ import annotations

from datetime import UTC, datetime

from sage_imap.aio import IMAPClient
from sage_imap.errors import MailboxNotFound
from sage_mail.ingest.intake import Intake
from sage_mail.ingest.reading import selected_mailbox
from sage_mail.ingest.scope import Scope
from sage_mail.records import DeadLetterRecord
from sage_mail.telemetry import get_logger

__all__ = ["Retries"]

_log = get_logger(__name__)


class Retries:
    """Tries the dead letters of one account for which that was asked."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        # By dead letter: what has broken the connection at this retry, but not before it, decides
        # whether the message is given up again.
        self._intakes: dict[int, Intake] = {}

    async def wanted(self) -> list[DeadLetterRecord]:
        """The dead letters to be tried."""
        async with self._scope.storage.read() as uow:
            return await uow.dead_letters.pending_retries(self._scope.account_id)

    async def work(self, client: IMAPClient) -> bool:
        """Try all of them; False if there are none."""
        letters = await self.wanted()
        for letter in letters:
            tried = await self._retry(client, letter)
            self._intakes.pop(letter.id, None)
            _log.info(
                "dead_letter_retried",
                account=self._scope.account,
                mailbox=letter.mailbox,
                uid=letter.uid,
                gone=not tried,
            )
        return bool(letters)

    async def _retry(self, client: IMAPClient, letter: DeadLetterRecord) -> bool:
        """Try one; where its message is not there any more, nothing is left to do."""
        if await self._still_valid(client, letter):
            async with self._scope.storage.read() as uow:
                mailbox = await uow.mailboxes.get(letter.mailbox_id)
            intake = self._intakes.setdefault(letter.id, Intake(self._scope))
            if mailbox is not None and await intake.retry(client, mailbox, letter):
                return True
        async with self._scope.storage.unit_of_work() as uow:
            await uow.dead_letters.resolve(letter.id, datetime.now(UTC))
            await uow.commit()
        return False

    async def _still_valid(self, client: IMAPClient, letter: DeadLetterRecord) -> bool:
        """True if the letter's UID still means its message."""
        try:
            await client.select(letter.mailbox, readonly=True)
        except MailboxNotFound:
            return False
        return selected_mailbox(client)[1] == letter.uidvalidity
