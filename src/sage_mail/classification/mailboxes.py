"""Labelled mail in an account's folders, read without touching it, the newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from sage_imap.errors import IMAPError
from sage_imap.models.email import EmailMessage
from sage_mail.classification.dataset import Labelled
from sage_mail.errors import TrainingImpossible
from sage_mail.ingest.folders import find_watched
from sage_mail.ingest.planning import Sized, batches
from sage_mail.ingest.reading import fetch_messages, fetch_sizes, search_uids
from sage_mail.settings import AccountSettings
from sage_mail.watchers.connecting import connect

__all__ = ["fetch_labelled"]

_MOST_OCTETS: Final = 16 * 1024 * 1024


async def fetch_labelled(
    account: AccountSettings, folder: str, label: str, *, most: int
) -> AsyncIterator[Labelled]:
    """The newest messages of the folder, at most *most*; those above 16 MiB are left out.

    The folder is opened read-only, so that no message becomes seen.

    Raises:
        TrainingImpossible: the folder does not exist, or the server did not answer as it should.
        SecretUnavailable: the account's password is not where the settings say.
    """
    where = f"account {account.name}, folder {folder}"
    try:
        client = await connect(account)
        try:
            name = await find_watched(client, folder)
            if name is None:
                raise TrainingImpossible(f"{where}: does not exist")
            await client.select(name, readonly=True)
            newest = sorted(await search_uids(client, "ALL"))[-most:] if most else []
            sizes = await fetch_sizes(client, newest)
            wanted = [Sized(uid, size) for uid, size in sizes.items() if size <= _MOST_OCTETS]
            for portion in batches(wanted):
                fetched, _ = await fetch_messages(client, portion)
                for item in fetched:
                    message = EmailMessage.from_bytes(item.raw or b"")
                    yield Labelled(message, label, f"{account.name}:{folder}")
        finally:
            await client.close()
    except (IMAPError, OSError) as error:
        raise TrainingImpossible(f"{where}: {error}") from error
