"""What a sender claims of a file (its type and its name) against what its octets show."""

from __future__ import annotations

from typing import Final

from sage_mail.attachments import signatures
from sage_mail.attachments.facts import AttachmentFacts, Finding, Status
from sage_mail.attachments.names import extension, suspicions

__all__ = ["mismatches", "outline"]

# The beginnings of the types of office files that are ZIP files.
_OFFICE: Final = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.": "word",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.": "excel",
    "application/vnd.openxmlformats-officedocument.presentationml.": "powerpoint",
    "application/vnd.ms-word.": "word",
    "application/vnd.ms-excel.": "excel",
    "application/vnd.ms-powerpoint.": "powerpoint",
    "application/vnd.oasis.opendocument.": "opendocument",
}
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
    "image/svg+xml": "svg",
    "text/html": "html",
    "application/xhtml+xml": "html",
    # It may begin with a tag.
    "text/markdown": "html",
    "application/zip": "zip",
    "application/x-zip-compressed": "zip",
    "application/java-archive": "java",
    "application/epub+zip": "epub",
    "application/vnd.android.package-archive": "android",
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
    "application/xml": "xml",
    "text/xml": "xml",
    "application/pgp-encrypted": "text",
}
_EXTENSIONS: Final = {
    name: family
    for family, names in {
        "7z": "7z",
        "android": "apk",
        "bmp": "bmp",
        "bzip2": "bz2",
        "epub": "epub",
        "excel": "xlam xlsb xlsm xlsx xltm xltx",
        "gif": "gif",
        "gzip": "gz tgz",
        "html": "htm html shtml xht xhtml",
        "java": "jar",
        "jpeg": "jpeg jpg",
        "opendocument": "odg odp ods odt otp ots ott",
        "pdf": "pdf",
        "png": "png",
        "powerpoint": "potm potx ppsm ppsx pptm pptx",
        "program": "dll exe scr",
        "rar": "rar",
        "svg": "svg",
        "tar": "tar",
        "text": "csv ics json txt vcf",
        "tiff": "tif tiff",
        "webp": "webp",
        "word": "docm docx dotm dotx",
        "xml": "xml",
        "xz": "xz",
        "zip": "zip",
    }.items()
    for name in names.split()
}
_OPC: Final = frozenset({"word", "excel", "powerpoint"})
_ZIPPED: Final = frozenset({"opendocument", *_OPC})
# By what is claimed: what else is no lie. What is written in markup may begin with a text, and a
# Java archive needs no list by which it could be told from others.
_ALSO: Final = {
    "android": {"java", "zip"},
    "epub": {"zip"},
    "html": {"text", "xml"},
    "java": {"android", "zip"},
    "svg": {"text", "xml"},
    "text": {"xml"},
    "xml": {"html", "svg", "text"},
    "zip": {"android", "epub", "java", *_ZIPPED},
    # A new office file under a password is OLE (MS-OFFCRYPTO section 2.3).
    **{claimed: {"ole"} for claimed in _OPC},
}


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
    if signatures.hides_archive(data, detected):
        found.add(Finding.HIDDEN_ARCHIVE)
    if detected is not None:
        found |= mismatches(filename, content_type, detected)
    status = Status.OK if data else Status.BROKEN
    return AttachmentFacts(
        status=status,
        problem=None if data else "it is empty",
        detected_type=detected,
        findings=tuple(sorted(found)),
    )


def mismatches(
    filename: str, content_type: str, detected: str, *, listed: bool = False
) -> set[Finding]:
    """Which of type and name contradict what was detected.

    Before its list is read, a ZIP file may be any document that is one; *listed* says that it was.
    """
    shown = _family(detected) or ("zip" if listed else None)
    if shown is None:
        return set()
    claims = {
        Finding.TYPE_MISMATCH: _family(content_type.partition(";")[0].strip().lower()),
        Finding.EXTENSION_MISMATCH: _EXTENSIONS.get(extension(filename)),
    }
    undecided = shown == "zip" and not listed
    return {
        finding
        for finding, claimed in claims.items()
        if claimed is not None
        and shown not in {claimed, *_ALSO.get(claimed, ())}
        and not (undecided and claimed in _ZIPPED)
    }


def _family(media_type: str) -> str | None:
    for beginning, family in _OFFICE.items():
        if media_type.startswith(beginning):
            return family
    if media_type.startswith("text/"):
        return _FAMILIES.get(media_type, "html" if "html" in media_type else "text")
    return _FAMILIES.get(media_type)
