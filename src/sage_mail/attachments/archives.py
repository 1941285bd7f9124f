"""Archives by their own lists: what they say they hold, without unpacking."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Final, cast

from sage_mail.attachments.facts import MOST_ENTRIES, ArchiveEntry, ArchiveFacts, Finding, Status
from sage_mail.attachments.inflation import Inflated
from sage_mail.attachments.names import is_dangerous, is_nested_archive, is_unsafe_path
from sage_mail.attachments.problems import Unusable

__all__ = ["Listing", "is_listed", "read_archive", "zip_type"]

_LONGEST_NAME: Final = 255
# Two kilobytes each are kept while a tar archive is read.
_MOST_COUNTED: Final = 20_000
# Text comes to a tenth, logs to a fiftieth; what grows more, and to this size, is made to.
_BOMB_RATIO: Final = 200
_BOMB_SIZE: Final = 64 * 1024 * 1024
_ENCRYPTED: Final = 1
_OFFICE: Final = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_SMALL: Final = 200
# What the standard library raises for archives that somebody has made by hand.
_BROKEN: Final = (
    zipfile.BadZipFile,
    tarfile.TarError,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    ValueError,
)


@dataclass(slots=True)
class Listing:
    """What reading a list has brought: facts, suspicions, and the type where the list tells it."""

    facts: ArchiveFacts
    findings: set[Finding] = field(default_factory=set)
    media_type: str | None = None


def is_listed(media_type: str | None) -> bool:
    """True for the types whose lists can be read."""
    return media_type in ("application/zip", "application/x-tar") or Inflated.knows(media_type)


def read_archive(data: bytes, media_type: str) -> Listing:
    """The list of the archive; raises `Unusable` for one that is broken."""
    try:
        if media_type == "application/zip":
            listing = _zip(data)
        elif media_type == "application/x-tar":
            listing = _tar(io.BytesIO(data), "tar", len(data))
        else:
            listing = _compressed(data, media_type)
    except _BROKEN as error:
        raise Unusable(Status.BROKEN, "it is no archive that can be read") from error
    facts = listing.facts
    if facts.ratio >= _BOMB_RATIO and facts.size >= _BOMB_SIZE:
        listing.findings.add(Finding.DECOMPRESSION_BOMB)
    return listing


def zip_type(names: Iterable[str], mimetype: bytes) -> str | None:
    """The type of a document that is a ZIP file, None for an ordinary archive.

    *mimetype* is what an entry of this name holds, by which OpenDocument and EPUB tell theirs.
    """
    told = mimetype.decode("ascii", "replace").strip()
    if told.startswith("application/") and len(told) < _SMALL:
        return told
    held = list(names)
    if "AndroidManifest.xml" in held:
        return "application/vnd.android.package-archive"
    if "[Content_Types].xml" in held:
        for folder, media_type in _OFFICE.items():
            if any(name.startswith(folder) for name in held):
                return media_type
    if "META-INF/MANIFEST.MF" in held:
        return "application/java-archive"
    return None


def _zip(data: bytes) -> Listing:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        names = [info.filename for info in infos]
        findings = _suspicions(names)
        if any(_has_macros(name) for name in names):
            findings.add(Finding.MACROS)
        files = [info for info in infos if not info.is_dir()]
        size = sum(info.file_size for info in files)
        facts = ArchiveFacts(
            format="zip",
            count=len(files),
            size=size,
            # By the size of the whole file: entries that share their octets show themselves so.
            ratio=_ratio(size, len(data)),
            entries=tuple(_zip_entry(info) for info in files[:MOST_ENTRIES]),
            encrypted=any(info.flag_bits & _ENCRYPTED for info in files),
        )
        media_type = zip_type(names, _mimetype(archive, infos))
    if media_type in ("application/java-archive", "application/vnd.android.package-archive"):
        findings.add(Finding.EXECUTABLE)
    if media_type is not None:
        # Archives within a document are its own affair, programs are not.
        findings -= {Finding.NESTED_ARCHIVE}
    return Listing(facts, findings, media_type)


def _zip_entry(info: zipfile.ZipInfo) -> ArchiveEntry:
    modified = None
    with suppress(ValueError):
        modified = datetime(*info.date_time, tzinfo=UTC)
    return ArchiveEntry(
        name=info.filename[:_LONGEST_NAME],
        size=info.file_size,
        packed_size=info.compress_size,
        modified=modified,
        encrypted=bool(info.flag_bits & _ENCRYPTED),
    )


def _mimetype(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> bytes:
    """What the first entry holds if it names the type (OpenDocument 1.3 part 2 section 3.3)."""
    if not infos or infos[0].filename != "mimetype":
        return b""
    first = infos[0]
    stored = first.compress_type == zipfile.ZIP_STORED and first.file_size < _SMALL
    if not stored or first.flag_bits & _ENCRYPTED:
        return b""
    return archive.read(first)


def _has_macros(name: str) -> bool:
    lowered = name.lower()
    return (
        lowered.endswith("vbaproject.bin")
        or "xl/macrosheets/" in lowered
        or lowered.startswith(("basic/", "scripts/"))
    )


def _compressed(data: bytes, media_type: str) -> Listing:
    """A stream that is compressed: a tar archive within, or a single file."""
    name = media_type.rpartition("/")[2].removeprefix("x-")
    stream = Inflated(data, media_type)
    if _holds_tar(data, media_type):
        listing = _tar(cast("IO[bytes]", stream), f"tar.{name}", len(data))
        size = max(listing.facts.size, stream.count)
        listing.facts = listing.facts.model_copy(
            update={
                "size": size,
                "ratio": _ratio(stream.count, stream.consumed),
                "complete": listing.facts.complete and not stream.limited,
            }
        )
        return listing
    stream.drain()
    facts = ArchiveFacts(
        format=name,
        count=1,
        size=stream.count,
        ratio=_ratio(stream.count, stream.consumed),
        complete=not (stream.limited or stream.torn),
    )
    return Listing(facts)


def _holds_tar(data: bytes, media_type: str) -> bool:
    stream, head = Inflated(data, media_type), b""
    while len(head) < tarfile.BLOCKSIZE and (portion := stream.read(tarfile.BLOCKSIZE)):
        head += portion
    return head.startswith(b"ustar", 257)


def _tar(stream: IO[bytes], name: str, packed: int) -> Listing:
    members: list[tarfile.TarInfo] = []
    complete = False
    try:
        # "r|" reads on and never back, so that what is compressed is inflated once.
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            while len(members) < _MOST_COUNTED and (member := archive.next()) is not None:
                members.append(member)
            complete = len(members) < _MOST_COUNTED
    except (tarfile.TarError, OSError):
        if not members:
            raise
    files = [member for member in members if member.isfile()]
    size = sum(member.size for member in files)
    facts = ArchiveFacts(
        format=name,
        count=len(files),
        size=size,
        ratio=_ratio(size, packed),
        entries=tuple(_tar_entry(member) for member in files[:MOST_ENTRIES]),
        complete=complete,
    )
    links = [member.linkname for member in members if member.issym() or member.islnk()]
    return Listing(facts, _suspicions([*(member.name for member in members), *links]))


def _tar_entry(member: tarfile.TarInfo) -> ArchiveEntry:
    modified = None
    with suppress(ValueError, OverflowError, OSError):
        modified = datetime.fromtimestamp(member.mtime, tz=UTC)
    return ArchiveEntry(name=member.name[:_LONGEST_NAME], size=member.size, modified=modified)


def _suspicions(names: Iterable[str]) -> set[Finding]:
    found = set()
    for name in names:
        if is_unsafe_path(name):
            found.add(Finding.UNSAFE_PATH)
        if is_dangerous(name):
            found.add(Finding.DANGEROUS_ENTRY)
        if is_nested_archive(name):
            found.add(Finding.NESTED_ARCHIVE)
    return found


def _ratio(size: int, packed: int) -> float:
    return round(size / max(packed, 1), 2)
