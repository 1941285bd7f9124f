"""Where the content of an event's message is read from.

From our own store; the mail server is asked only where the store does not have it, and a message
that neither has is announced without its content.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sage_imap.models.email import EmailMessage
from sage_mail.delivery.content import Content, bounded, content_of
from sage_mail.records import EventRecord, MessageRecord
from sage_mail.storage import BlobMissing, Storage

__all__ = ["ContentReader", "FetchRaw"]

FetchRaw = Callable[[MessageRecord], Awaitable[bytes | None]]


class ContentReader:
    """Reads the content of events' messages.

    *fetch* asks the mail server for a message's octets; None where it is not to be asked.
    """

    def __init__(self, storage: Storage, *, fetch: FetchRaw | None = None) -> None:
        self._storage = storage
        self._fetch = fetch

    async def read(self, event: EventRecord) -> Content | None:
        """The content of the event's message; None where there is no message or nobody has it.

        Raises:
            StorageError: the store cannot be read.
        """
        if event.message_id is None:
            return None
        async with self._storage.read() as uow:
            stored = await uow.messages.content(event.message_id)
            if stored is not None:
                attachments = await uow.messages.attachments(event.message_id)
                return bounded(stored.plain, stored.html, stored.headers, attachments)
            message = await uow.messages.get(event.message_id)
        raw = None if message is None else await self._raw(message)
        return None if raw is None else content_of(EmailMessage.from_bytes(raw))

    async def _raw(self, message: MessageRecord) -> bytes | None:
        if message.content_hash:
            try:
                return await self._storage.blobs.read(message.content_hash)
            except BlobMissing:
                pass  # the server may still have it
        return None if self._fetch is None else await self._fetch(message)
