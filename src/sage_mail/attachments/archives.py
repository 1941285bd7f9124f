"""Archives by their own lists: what they say they hold, without unpacking."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Final, cast

from sage_mail.attachments.directory import find_directory
from sage_mail.attachments.facts import (
    MOST_ENTRIES,
    ArchiveEntry,
    ArchiveFacts,
    EntryKind,
    Finding,
    Status,
)
from sage_mail.attachments.inflation import Inflated
from sage_mail.attachments.names import entry_suspicions
from sage_mail.attachments.problems import Unusable

__all__ = ["Listing", "Tell", "is_listed", "read_archive", "zip_type"]

_LONGEST_NAME: Final = 255
# Two kilobytes each are kept while an archive is read, and all of them are read in half a second.
_MOST_COUNTED: Final = 20_000
# Text comes to a tenth, logs to a fiftieth; what grows more, and to this size, is made to.
_BOMB_RATIO: Final = 200
_BOMB_SIZE: Final = 64 * 1024 * 1024
_ENCRYPTED: Final = 1
_UNIX: Final = 3
_OFFICE: Final = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_OTHER_DOCUMENTS: Final = ("application/vnd.oasis.opendocument.", "application/epub+zip")
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


#: Takes what is known of an archive while it is still being read.
Tell = Callable[[Listing], object]


def is_listed(media_type: str | None) -> bool:
    """True for the types whose lists can be read."""
    return media_type in ("application/zip", "application/x-tar") or Inflated.knows(media_type)


def read_archive(data: bytes, media_type: str, tell: Tell) -> Listing:
    """The list of the archive; raises `Unusable` for one that is broken.

    A stream that shows itself to be a bomb is told at once, for its end may be far.
    """
    try:
        if media_type == "application/zip":
            listing = _zip(data)
        elif media_type == "application/x-tar":
            listing = _tar(data)
        else:
            listing = _compressed(data, media_type, tell)
    except _BROKEN as error:
        raise Unusable(Status.BROKEN, "it is no archive that can be read") from error
    if _is_bomb(listing.facts.size, listing.facts.ratio):
        listing.findings.add(Finding.DECOMPRESSION_BOMB)
    return listing


def _is_bomb(size: int, ratio: float) -> bool:
    return ratio >= _BOMB_RATIO and size >= _BOMB_SIZE


def zip_type(names: Iterable[str], mimetype: bytes) -> str | None:
    """The type of a document that is a ZIP file, None for an ordinary archive.

    *mimetype* is what an entry of this name holds, by which OpenDocument and EPUB tell theirs.
    """
    told = mimetype.decode("ascii", "replace").strip()
    # Of others nobody would know that they are ZIP files, and a PDF in disguise is none.
    if told.startswith(_OTHER_DOCUMENTS):
        return told
    held = [name.replace("\\", "/").lstrip("/") for name in names]
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
    directory = find_directory(data)
    cut = directory.cut(data, _MOST_COUNTED) if directory is not None else None
    with zipfile.ZipFile(io.BytesIO(cut or data)) as archive:
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
            complete=cut is None,
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
        kind=EntryKind.LINK if _is_link(info) else EntryKind.FILE,
        size=info.file_size,
        packed_size=info.compress_size,
        modified=modified,
        encrypted=bool(info.flag_bits & _ENCRYPTED),
    )


def _is_link(info: zipfile.ZipInfo) -> bool:
    """True for a symbolic link, as programs on Unix write them."""
    return info.create_system == _UNIX and stat.S_ISLNK(info.external_attr >> 16)


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


def _compressed(data: bytes, media_type: str, tell: Tell) -> Listing:
    """A stream that is compressed: a tar archive within, or a single file."""
    told: list[Listing] = []

    def watch() -> None:
        if not told and _is_bomb(stream.count, _ratio(stream.count, stream.consumed)):
            told.append(_measured(stream, media_type, members))
            told[0].findings.add(Finding.DECOMPRESSION_BOMB)
            tell(told[0])

    stream = Inflated(data, media_type, watch)
    members: list[tarfile.TarInfo] | None = [] if _holds_tar(data, media_type) else None
    if members is None:
        stream.drain()
        return _measured(stream, media_type, None, complete=not (stream.limited or stream.torn))
    complete = _read_tar(cast("IO[bytes]", stream), members) and not stream.limited
    return _measured(stream, media_type, members, complete=complete)


def _measured(
    stream: Inflated,
    media_type: str,
    members: list[tarfile.TarInfo] | None,
    *,
    complete: bool = False,
) -> Listing:
    """What has come out of the stream: *members* of a tar archive, or octets of a single file."""
    name = media_type.rpartition("/")[2].removeprefix("x-")
    count, ratio = stream.count, _ratio(stream.count, stream.consumed)
    if members is None:
        facts = ArchiveFacts(format=name, count=1, size=count, ratio=ratio, complete=complete)
        return Listing(facts)
    listing = _tar_listing(members, f"tar.{name}")
    size = max(listing.facts.size, count)
    told = {"size": size, "ratio": ratio, "complete": complete}
    return Listing(listing.facts.model_copy(update=told), listing.findings)


def _holds_tar(data: bytes, media_type: str) -> bool:
    stream, head = Inflated(data, media_type), b""
    while len(head) < tarfile.BLOCKSIZE and (portion := stream.read(tarfile.BLOCKSIZE)):
        head += portion
    return head.startswith(b"ustar", 257)


def _tar(data: bytes) -> Listing:
    members: list[tarfile.TarInfo] = []
    complete = _read_tar(io.BytesIO(data), members)
    listing = _tar_listing(members, "tar")
    told = {"ratio": _ratio(listing.facts.size, len(data)), "complete": complete}
    return Listing(listing.facts.model_copy(update=told), listing.findings)


def _read_tar(stream: IO[bytes], members: list[tarfile.TarInfo]) -> bool:
    """Add the members of the archive; whether these are all. Raises only where there are none."""
    try:
        # "r|" reads on and never back, so that what is compressed is inflated once.
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            while len(members) < _MOST_COUNTED:
                if (member := archive.next()) is None:
                    return True
                members.append(member)
    except (tarfile.TarError, OSError):
        if not members:
            raise
    return False


def _tar_listing(members: list[tarfile.TarInfo], name: str) -> Listing:
    held = [member for member in members if not member.isdir()]
    facts = ArchiveFacts(
        format=name,
        count=len(held),
        size=sum(member.size for member in held),
        ratio=0.0,
        entries=tuple(_tar_entry(member) for member in held[:MOST_ENTRIES]),
    )
    links = [member.linkname for member in members if member.issym() or member.islnk()]
    return Listing(facts, _suspicions([*(member.name for member in members), *links]))


def _tar_entry(member: tarfile.TarInfo) -> ArchiveEntry:
    modified = None
    with suppress(ValueError, OverflowError, OSError):
        modified = datetime.fromtimestamp(member.mtime, tz=UTC)
    kind = EntryKind.FILE
    if member.issym() or member.islnk():
        kind = EntryKind.LINK
    elif member.isdev():
        kind = EntryKind.DEVICE
    return ArchiveEntry(
        name=member.name[:_LONGEST_NAME], kind=kind, size=member.size, modified=modified
    )


def _suspicions(names: Iterable[str]) -> set[Finding]:
    return {finding for name in names for finding in entry_suspicions(name)}


def _ratio(size: int, packed: int) -> float:
    return round(size / max(packed, 1), 2)
