"""What can be known of an attachment: typed results, frozen, ready for JSON.

All texts and lists are bounded, for whoever sends a file decides how much there is to say of it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from sage_mail.pipeline.extraction.facts import OrderFacts

__all__ = [
    "LONGEST_TEXT",
    "MOST_ENTRIES",
    "ArchiveEntry",
    "ArchiveFacts",
    "AttachmentFacts",
    "Camera",
    "DocumentFacts",
    "EntryKind",
    "Finding",
    "ImageFacts",
    "Status",
    "Thumbnail",
]

#: The longest text that is kept of a document, in characters; an invoice of ten pages has 20,000.
LONGEST_TEXT: Final = 32_768
#: So many entries of an archive are listed; more are counted.
MOST_ENTRIES: Final = 100


class Status(StrEnum):
    """What came of the analysis."""

    OK = "ok"
    ENCRYPTED = "encrypted"
    BROKEN = "broken"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    SKIPPED = "skipped"


class Finding(StrEnum):
    """Why an attachment deserves distrust."""

    TYPE_MISMATCH = "type_mismatch"
    EXTENSION_MISMATCH = "extension_mismatch"
    DOUBLE_EXTENSION = "double_extension"
    DIRECTION_OVERRIDE = "direction_override"
    EXECUTABLE = "executable"
    SCRIPT = "script"
    MACROS = "macros"
    ACTIVE_CONTENT = "active_content"
    DECOMPRESSION_BOMB = "decompression_bomb"
    NESTED_ARCHIVE = "nested_archive"
    UNSAFE_PATH = "unsafe_path"
    DANGEROUS_ENTRY = "dangerous_entry"
    HIDDEN_ARCHIVE = "hidden_archive"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Thumbnail(_Model):
    """A small picture in the blob store under ``sha256``; sizes are in pixels and octets."""

    sha256: str
    content_type: str
    width: int
    height: int
    size: int


class Camera(_Model):
    """What EXIF tells; of a place only that one is told, not which."""

    make: str | None = None
    model: str | None = None
    software: str | None = None
    taken: str | None = None
    orientation: int | None = None
    located: bool = False


class ImageFacts(_Model):
    """An image: its format by Pillow's name, size in pixels, colour mode, frames and EXIF."""

    format: str
    width: int
    height: int
    mode: str
    frames: int = 1
    exif: Camera | None = None
    thumbnail: Thumbnail | None = None


class DocumentFacts(_Model):
    """A PDF. ``text`` is that of the first pages, at most `LONGEST_TEXT` characters of it.

    ``pages`` is how many there are, whatever number the document claims.
    """

    pages: int
    version: str | None = None
    title: str | None = None
    author: str | None = None
    subject: str | None = None
    producer: str | None = None
    creator: str | None = None
    created: str | None = None
    modified: str | None = None
    protected: bool = False
    embedded_files: int = 0
    text: str = ""
    truncated: bool = False


class EntryKind(StrEnum):
    """What an entry of an archive is; a device is a pipe, too."""

    FILE = "file"
    LINK = "link"
    DEVICE = "device"


class ArchiveEntry(_Model):
    """What an archive says it holds; ``packed_size`` is None where it does not say."""

    name: str
    kind: EntryKind = EntryKind.FILE
    size: int
    packed_size: int | None = None
    modified: datetime | None = None
    encrypted: bool = False


class ArchiveFacts(_Model):
    """An archive as it lists itself; nothing is unpacked.

    ``count`` and ``size`` are of all that is no folder, links and devices among them, ``entries``
    are the first `MOST_ENTRIES`. ``ratio`` is how many octets come out of one. ``complete`` is
    False where reading was ended at a limit or the archive is cut off, so that there is more.
    """

    format: str
    count: int
    size: int
    ratio: float
    entries: tuple[ArchiveEntry, ...] = ()
    encrypted: bool = False
    complete: bool = True


class AttachmentFacts(_Model):
    """All that is known of an attachment.

    ``detected_type`` is the media type that its octets show, None where they show none.
    ``problem`` says in a line why the status is not ``ok``. ``order`` holds numbers, amounts and
    dates that the text of a document tells. ``seconds`` is how long the analysis took.
    """

    status: Status = Status.OK
    problem: str | None = None
    detected_type: str | None = None
    findings: tuple[Finding, ...] = ()
    image: ImageFacts | None = None
    document: DocumentFacts | None = None
    archive: ArchiveFacts | None = None
    order: OrderFacts | None = None
    seconds: float = Field(default=0.0, ge=0)
