"""What is in a message, for events that carry it: bodies, headers and attachments' facts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sage_imap.models.email import EmailMessage

__all__ = [
    "LONGEST_BODY",
    "LONGEST_FIELD",
    "AttachmentFacts",
    "Content",
    "bounded",
    "content_of",
    "shortened",
]

# In characters. A webhook is no mail transport: Standard Webhooks 1.0.0 advises less than 20 kB.
LONGEST_BODY: Final = 65_536
LONGEST_FIELD: Final = 4_096
# Read beyond what is sent, so that what the limit would cut in two is seen whole by the redaction:
# an address has up to 575 characters, a number may have tags of HTML between its groups.
_MARGIN: Final = 2_000
_MOST_FIELDS: Final = 200
_MOST_ATTACHMENTS: Final = 100


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


def content_of(message: EmailMessage) -> Content:
    """The content of a parsed message."""
    fields = tuple(message.headers.fields())
    return bounded(message.plain_body, message.html_body, fields, message.attachments)


def bounded(
    plain: str,
    html: str,
    headers: Sequence[tuple[str, str]],
    attachments: Sequence[AttachmentFacts],
) -> Content:
    """The content at a length that may be sent, but for the margin that redaction needs."""
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


def shortened(text: str, longest: int, *, read: str) -> str:
    """The text at its proper length; it may have been redacted, and *read* is what it was before.

    Redaction makes text shorter, so that the end of what was read may come to lie within the limit.
    A number that begins there is cut in two and was not recognised: the margin never goes out.
    """
    whole = text[:-_MARGIN] if len(read) >= longest + _MARGIN else text
    return whole[:longest]
