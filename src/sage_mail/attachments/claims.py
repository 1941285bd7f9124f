"""What a sender claims of a file (its type and its name) against what its octets show."""

from __future__ import annotations

from typing import Final

from sage_mail.attachments import signatures
from sage_mail.attachments.facts import AttachmentFacts, Finding, Status
from sage_mail.attachments.names import extension, suspicions

__all__ = ["outline"]

_WORD: Final = "application/vnd.openxmlformats-officedocument"
_ODF: Final = "application/vnd.oasis.opendocument"
# The family of a type: claims within a family agree. Those that are not here are not judged, above
# all those of old office files, which Office itself gives to new ones, to RTF and to HTML.
_FAMILIES: Final = {
    "application/pdf": "pdf",
    "application/x-pdf": "pdf",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/pjpeg": "jpeg",
    "image/png": "png",
    "image/x-png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/bmp": "bmp",
    "image/x-ms-bmp": "bmp",
    "image/tiff": "tiff",
    "image/svg+xml": "text",
    "application/zip": "zip",
    "application/x-zip-compressed": "zip",
    "application/java-archive": "zip",
    "application/epub+zip": "zip",
    "application/vnd.android.package-archive": "zip",
    "application/gzip": "gzip",
    "application/x-gzip": "gzip",
    "application/x-bzip2": "bzip2",
    "application/x-xz": "xz",
    "application/x-tar": "tar",
    "application/x-7z-compressed": "7z",
    "application/vnd.rar": "rar",
    "application/x-rar-compressed": "rar",
    "application/rtf": "rtf",
    "text/rtf": "rtf",
    signatures.OLE: "ole",
    "application/vnd.ms-outlook": "ole",
    "application/vnd.microsoft.portable-executable": "program",
    "application/x-msdownload": "program",
    "application/x-msdos-program": "program",
    "application/x-elf": "program",
    "application/x-executable": "program",
    "application/x-mach-binary": "program",
    "application/json": "text",
    "application/xml": "text",
    "application/pgp-encrypted": "text",
}
_EXTENSIONS: Final = {
    "pdf": "pdf",
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "png": "png",
    "gif": "gif",
    "webp": "webp",
    "bmp": "bmp",
    "tif": "tiff",
    "tiff": "tiff",
    "zip": "zip",
    "docx": "zip",
    "docm": "zip",
    "xlsx": "zip",
    "xlsm": "zip",
    "pptx": "zip",
    "odt": "zip",
    "ods": "zip",
    "odp": "zip",
    "jar": "zip",
    "epub": "zip",
    "gz": "gzip",
    "tgz": "gzip",
    "bz2": "bzip2",
    "xz": "xz",
    "tar": "tar",
    "7z": "7z",
    "rar": "rar",
    "exe": "program",
    "dll": "program",
    "scr": "program",
    "txt": "text",
    "csv": "text",
    "html": "text",
    "htm": "text",
    "xml": "text",
    "json": "text",
    "svg": "text",
    "ics": "text",
    "vcf": "text",
}
# A new office file under a password is OLE (MS-OFFCRYPTO section 2.3), so that is no lie.
_ALSO_OLE: Final = frozenset({"docx", "docm", "xlsx", "xlsm", "pptx"})


def outline(filename: str, content_type: str, data: bytes) -> AttachmentFacts:
    """What can be said without parsing: cheap and safe enough for any process.

    *data* may be the first octets alone. Without any there is nothing to compare.
    """
    detected = signatures.detect(data)
    found = set(suspicions(filename))
    if signatures.is_executable(detected):
        found.add(Finding.EXECUTABLE)
    if signatures.is_script(detected):
        found.add(Finding.SCRIPT)
    shown = _family(detected) if detected else None
    claimed = _family(content_type.partition(";")[0].strip().lower())
    named = _EXTENSIONS.get(extension(filename))
    if shown and claimed and shown != claimed and not _is_office(content_type, shown):
        found.add(Finding.TYPE_MISMATCH)
    protected = shown == "ole" and extension(filename) in _ALSO_OLE
    if shown and named and shown != named and not protected:
        found.add(Finding.EXTENSION_MISMATCH)
    status = Status.OK if data else Status.BROKEN
    return AttachmentFacts(
        status=status,
        problem=None if data else "it is empty",
        detected_type=detected,
        findings=tuple(sorted(found)),
    )


def _family(media_type: str) -> str | None:
    if media_type.startswith((_WORD, _ODF)):
        return "zip"
    if media_type.startswith("text/"):
        return _FAMILIES.get(media_type, "text")
    return _FAMILIES.get(media_type)


def _is_office(content_type: str, shown: str) -> bool:
    """True for a new office file under a password."""
    return shown == "ole" and content_type.startswith(_WORD)
