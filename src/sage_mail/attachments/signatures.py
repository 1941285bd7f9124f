"""The media type that the first octets of a file show; cheap and safe for octets from anywhere.

A table of our own: what mail carries are some forty types, of which those in ZIP and OLE containers
have to be told apart by what is in them, which tables of signatures do not do.
"""

from __future__ import annotations

import re
from typing import Final

from sage_mail.attachments.directory import find_directory

__all__ = ["HEAD", "OLE", "detect", "hides_archive", "is_archive", "is_executable", "is_script"]

#: So many octets from the start are looked at; the name of a tar archive's format is at 257.
HEAD: Final = 4096
OLE: Final = "application/x-ole-storage"

_TABLE: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"II+\0", "image/tiff"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (4, b"ftypavif", "image/avif"),
    (0, b"8BPS", "image/vnd.adobe.photoshop"),
    (0, b"\0\0\1\0", "image/vnd.microsoft.icon"),
    (0, b"\xd7\xcd\xc6\x9a", "image/wmf"),
    (0, b"PK\3\4", "application/zip"),
    (0, b"PK\5\6", "application/zip"),
    (0, b"PK00PK\3\4", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"MSCF", "application/vnd.ms-cab-compressed"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (0, b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (0, b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xca\xfe\xba\xbe", "application/x-java-class"),
    (0, b"L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
    (0, b"ITSF", "application/vnd.ms-htmlhelp"),
    (0, b"\0asm", "application/wasm"),
    (0, b"#!", "text/x-shellscript"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "application/ogg"),
    (0, b"fLaC", "audio/flac"),
    (8, b"WAVE", "audio/x-wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/x-matroska"),
    (0, b"-----BEGIN PGP", "application/pgp-encrypted"),
    (32769, b"CD001", "application/x-iso9660-image"),
)
_RIFF: Final = frozenset({"image/webp", "audio/x-wav", "video/x-msvideo"})
_BITMAP: Final = re.compile(rb"BM.{4}\0\0\0\0.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)
# The tags by which browsers know a page that says nothing of its type (MIME Sniffing Standard
# section 7.1), and those of them that often stand first beside these.
_HTML: Final = re.compile(
    rb"<(?:!doctype html|html|head|body|script|meta|iframe|h1|div|font|table|a|style|title|b|br|p"
    rb"|base|center|form|img|link|noscript|span)[\s>/]",
    re.I,
)
_XHTML: Final = re.compile(rb"<(?:!doctype )?html[\s>]", re.I)
_COMMENT: Final = b"<!--"
_XML: Final = re.compile(rb"\s{0,200}<\?xml\s", re.I)
_SVG: Final = re.compile(rb"<(?:\w{1,30}:)?svg[\s>/]", re.I)
# What stands before the first element (XML 1.0 section 2.8).
_PROLOG: Final = re.compile(
    rb"\s+|<!--.*?-->|<\?.*?\?>|<!doctype\s+svg\b[^>\[]*>", re.I | re.DOTALL
)
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")

_ARCHIVES: Final = frozenset(
    {
        "application/gzip",
        "application/vnd.ms-cab-compressed",
        "application/vnd.rar",
        "application/x-7z-compressed",
        "application/x-bzip2",
        "application/x-iso9660-image",
        "application/x-tar",
        "application/x-xz",
        "application/zip",
        "application/zstd",
    }
)
_EXECUTABLES: Final = frozenset(
    {
        "application/java-archive",
        "application/vnd.android.package-archive",
        "application/vnd.microsoft.portable-executable",
        "application/vnd.ms-htmlhelp",
        "application/wasm",
        "application/x-elf",
        "application/x-java-class",
        "application/x-mach-binary",
        "application/x-ms-shortcut",
    }
)


def detect(data: bytes) -> str | None:
    """The media type that the octets show, None where they show none.

    The first `HEAD` of them are enough for all but disk images and for ZIP files that begin with
    something else. Containers are named as such: what is in a ZIP file is told by its list.
    """
    for offset, magic, media_type in _TABLE:
        if data.startswith(magic, offset):
            if media_type in _RIFF and not data.startswith(b"RIFF"):
                continue
            return media_type
    head = data[:HEAD]
    if _BITMAP.match(head):
        return "image/bmp"
    # Readers look for it in the first kilobyte (ISO 32000-2, implementation notes).
    if b"%PDF-" in head[:1024]:
        return "application/pdf"
    if (text_type := _text_type(head)) is not None:
        return text_type
    return "application/zip" if find_directory(data) is not None else None


def hides_archive(data: bytes, media_type: str | None) -> bool:
    """True if a file of another type can be opened as a ZIP file as well."""
    if media_type is None or is_archive(media_type):
        return False
    return find_directory(data) is not None


def is_archive(media_type: str | None) -> bool:
    """True for the types that hold files."""
    return media_type in _ARCHIVES


def is_executable(media_type: str | None) -> bool:
    """True for the types that a system runs when they are opened."""
    return media_type in _EXECUTABLES


def is_script(media_type: str | None) -> bool:
    """True for the types that an interpreter runs when they are opened."""
    return media_type == "text/x-shellscript"


def _text_type(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head.decode("utf-16", "replace").encode("utf-8", "replace")
    if not head or _BINARY.search(text):
        return None
    root = _first_element(text)
    if _SVG.match(root):
        return "image/svg+xml"
    if _XML.match(text):
        return "text/html" if _XHTML.match(root) else "application/xml"
    if _HTML.match(root):
        return "text/html"
    # A comment that does not end in the octets we look at.
    return "text/html" if root.startswith(_COMMENT) else "text/plain"


def _first_element(text: bytes) -> bytes:
    at = 0
    while found := _PROLOG.match(text, at):
        at = found.end()
    return text[at:]
