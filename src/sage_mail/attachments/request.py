"""What is asked of a child about an attachment, and what it answers; both travel as JSON."""

from __future__ import annotations

from datetime import datetime

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from sage_mail.attachments.facts import AttachmentFacts

__all__ = ["Answer", "Drawn", "Request"]

# Twice what pictures are limited to, in case of a child that was taken over.
_LARGEST_PICTURE = 128 * 1024


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Request(_Model):
    """An attachment as its sender names it; ``sent`` is when, for "due in 14 days"."""

    filename: str = ""
    content_type: str = ""
    sent: datetime | None = None
    thumbnail: bool = True


class Drawn(_Model):
    """A small picture of an image."""

    data: Base64Bytes = Field(max_length=_LARGEST_PICTURE)
    content_type: str
    width: int
    height: int


class Answer(_Model):
    """The facts, with a small picture where one was wanted and could be drawn."""

    facts: AttachmentFacts
    picture: Drawn | None = None
