"""What is in a message, for events that carry it: bodies, headers and attachments' facts.

It is read from our own store; the mail server is asked only where the store does not have it, and
a message that neither has is announced without its content.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sage_imap.models.email import EmailMessage
from sage_mail.records import EventRecord, MessageRecord
from sage_mail.storage import BlobMissing, Storage

__all__ = [
    "LONGEST_BODY",
    "LONGEST_FIELD",
    "AttachmentFacts",
    "Content",
    "ContentReader",
    "FetchRaw",
    "content_of",
]

# In characters. A webhook is no mail transport: Standard Webhooks 1.0.0 advises less than 20 kB.
LONGEST_BODY: Final = 65_536
LONGEST_FIELD: Final = 4_096
# Read beyond what is sent, so that a number which the limit would cut in two is seen whole by the
# redaction.
_MARGIN: Final = 400
_MOST_FIELDS: Final = 200
_MOST_ATTACHMENTS: Final = 100

FetchRaw = Callable[[MessageRecord], Awaitable[bytes | None]]


class AttachmentFacts(Protocol):
    """What is told of an attachment."""

    @property
    def filename(self) -> str:
        """The name that the sender gave it."""

    @property
    def content_type(self) -> str:
        """Its type, ``application/pdf``."""

    @property
    def size(self) -> int:
        """Its size in octets."""


@dataclass(frozen=True, slots=True)
class Content:
    """A message's bodies, all fields of its header in their order, and its attachments.

    Texts are a little longer than `LONGEST_BODY` and `LONGEST_FIELD` where they are to be cut there
    after redaction. ``truncated`` names what is cut: ``plain``, ``html``, ``headers``,
    ``attachments``.
    """

    plain: str
    html: str
    headers: tuple[tuple[str, str], ...]
    attachments: tuple[AttachmentFacts, ...]
    truncated: tuple[str, ...] = ()


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
                return _bounded(stored.plain, stored.html, stored.headers, attachments)
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


def content_of(message: EmailMessage) -> Content:
    """The content of a parsed message."""
    fields = tuple(message.headers.fields())
    return _bounded(message.plain_body, message.html_body, fields, message.attachments)


def _bounded(
    plain: str,
    html: str,
    headers: Sequence[tuple[str, str]],
    attachments: Sequence[AttachmentFacts],
) -> Content:
    cut = {
        "plain": len(plain) > LONGEST_BODY,
        "html": len(html) > LONGEST_BODY,
        "headers": len(headers) > _MOST_FIELDS
        or any(len(value) > LONGEST_FIELD for _, value in headers),
        "attachments": len(attachments) > _MOST_ATTACHMENTS,
    }
    return Content(
        plain=plain[: LONGEST_BODY + _MARGIN],
        html=html[: LONGEST_BODY + _MARGIN],
        headers=tuple(
            (name, value[: LONGEST_FIELD + _MARGIN]) for name, value in headers[:_MOST_FIELDS]
        ),
        attachments=tuple(attachments[:_MOST_ATTACHMENTS]),
        truncated=tuple(name for name, is_cut in cut.items() if is_cut),
    )
