"""A message's octets from the mail server, for when the store does not have them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from sage_imap.errors import IMAPError
from sage_mail.errors import SecretUnavailable
from sage_mail.ingest.planning import Sized
from sage_mail.ingest.reading import fetch_messages, fetch_sizes, selected_mailbox
from sage_mail.records import MessageRecord, MessageState
from sage_mail.settings import AccountSettings
from sage_mail.telemetry import get_logger
from sage_mail.watchers.connecting import connect

__all__ = ["Originals"]

_log = get_logger(__name__)

_SECONDS: Final = 20.0
# It is held in memory as a whole; a larger one is announced without its content.
_LARGEST: Final = 16 * 1024 * 1024


class Originals:
    """Fetches messages, each over a connection of its own; mailboxes are opened read-only."""

    def __init__(self, accounts: Sequence[AccountSettings]) -> None:
        self._accounts = {account.name: account for account in accounts}

    async def fetch(self, message: MessageRecord) -> bytes | None:
        """The message's octets; None where it is not there any more or cannot be had."""
        account = self._accounts.get(message.account)
        gone = message.state is MessageState.DELETED or message.uid is None
        if account is None or gone or message.uidvalidity is None:
            return None
        try:
            async with asyncio.timeout(_SECONDS):
                return await _fetch(account, message)
        except (IMAPError, OSError, TimeoutError, SecretUnavailable) as error:
            _log.warning("original_unavailable", account=account.name, error=type(error).__name__)
            return None


async def _fetch(account: AccountSettings, message: MessageRecord) -> bytes | None:
    client = await connect(account)
    try:
        await client.select(message.mailbox, readonly=True)
        _, uidvalidity = selected_mailbox(client)
        if uidvalidity != message.uidvalidity or message.uid is None:
            return None
        sizes = await fetch_sizes(client, [message.uid])
        size = sizes.get(message.uid)
        if size is None or size > _LARGEST:
            return None
        found, _ = await fetch_messages(client, [Sized(message.uid, size)])
        return found[0].raw if found else None
    finally:
        await client.close()
