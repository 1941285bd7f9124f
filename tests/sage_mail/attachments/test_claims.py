"""Types by content, against what sender and name claim."""

from __future__ import annotations

import gzip

import pytest

from sage_mail.attachments.claims import outline
from sage_mail.attachments.facts import Finding
from sage_mail.attachments.names import extension, is_unsafe_path, suspicions
from sage_mail.attachments.signatures import detect, is_archive
from tests.support import hostile_files as hostile

_LIES = (Finding.EXTENSION_MISMATCH, Finding.TYPE_MISMATCH)
_MACROS = (Finding.MACROS,)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\n\nsome junk %PDF-1.4", "application/pdf"),
        (b"MZ\x90\0", "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\2\1", "application/x-elf"),
        (b"#!/bin/sh\nrm -rf /\n", "text/x-shellscript"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"XXXX\0\0\0\0WEBPVP8 ", None),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "image/bmp"),
        (b"BM is a text", "text/plain"),
        (b"  <!DOCTYPE html><html>", "text/html"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><a/>", "application/xml"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"<?xml version='1.0'?>\n<!-- by hand -->\n<svg:svg/>", "image/svg+xml"),
        (b"<!doctype html><p><svg></svg>", "text/html"),
        (b"<?xml version='1.0'?><html xmlns='x'/>", "text/html"),
        (b"<!-- nothing --> <script>x()</script>", "text/html"),
        (b"<!-- " + b"long " * 2000, "text/html"),
        (b"<iframe src=x>", "text/html"),
        ("<script>x()</script>".encode("utf-16"), "text/html"),
        (b"<ann@example.org> wrote:", "text/plain"),
        (b"\0\1\2\3" + hostile.plain_zip({"a.txt": b"x"}), "application/zip"),
        (hostile.plain_zip({"a.txt": b"x"})[4:], "application/zip"),
        (b"\0\1" + b"PK\5\6" + bytes(18), None),
        (b"\0\1" + b"PK\5\6", None),
        ("Grüße, die Rechnung ist da".encode("latin-1"), "text/plain"),
        ("wide".encode("utf-16"), "text/plain"),
        (b"\0\1\2\3\4", None),
        (b"", None),
    ],
)
def test_types_by_content(data: bytes, media_type: str | None) -> None:
    """The first octets tell the type, or nothing does."""
    assert detect(data) == media_type


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("invoice.pdf", set()),
        ("archive.tar.gz", set()),
        ("photo.2024.jpg", set()),
        ("invoice.pdf.exe", {Finding.EXECUTABLE, Finding.DOUBLE_EXTENSION}),
        ("invoice.pdf .exe.", {Finding.EXECUTABLE, Finding.DOUBLE_EXTENSION}),
        ("invoice.pdf" + " " * 60 + ".scr", {Finding.EXECUTABLE, Finding.DOUBLE_EXTENSION}),
        ("report.pdf.zip", {Finding.DOUBLE_EXTENSION}),
        ("run.JS", {Finding.SCRIPT}),
        ("sheet.xlsm", {Finding.MACROS}),
        ("invoice\u202efdp.exe", {Finding.DIRECTION_OVERRIDE, Finding.EXECUTABLE}),
        ("", set()),
        (".exe", {Finding.EXECUTABLE}),
    ],
)
def test_names(name: str, found: set[Finding]) -> None:
    """Names that deceive or run are flagged, others are not."""
    assert suspicions(name) == found


def test_extensions_are_those_of_the_last_part() -> None:
    """A folder's dot is no extension, and an endless name is looked at from its end."""
    assert extension("a.b/c") == ""
    assert extension("x." * 100_000 + "PDF") == "pdf"


@pytest.mark.parametrize("name", ["../a", "a/../../b", "\\\\host\\a", "c:a", "a\0b"])
def test_unsafe_paths(name: str) -> None:
    """A path that leaves its folder is unsafe however it is spelt."""
    assert is_unsafe_path(name)
    assert not is_unsafe_path("a..b/c.d")


@pytest.mark.parametrize(
    ("filename", "content_type", "data", "found"),
    [
        ("a.pdf", "application/pdf", b"%PDF-1.4", ()),
        ("a.pdf", "application/octet-stream", b"%PDF-1.4", ()),
        ("a.doc", "application/msword", b"{\\rtf1", ()),
        ("a.docx", "application/vnd.openxmlformats-officedocument.x", b"PK\3\4", ()),
        (
            "a.docx",
            "application/vnd.openxmlformats-officedocument.x",
            bytes.fromhex("d0cf11e0a1b11ae1"),
            (),
        ),
        ("a.csv", "text/csv", b"a;b\n", ()),
        ("a.csv", "text/csv", b"<html>", _LIES),
        ("a.txt", "text/plain", b"<!DOCTYPE html><script>", _LIES),
        ("a.txt", "text/plain", b"<svg onload=x()>", _LIES),
        ("a.svg", "image/svg+xml", b"<html>", _LIES),
        ("a.html", "text/html", b"Dear all,", ()),
        ("a.html", "text/x-amp-html", b"<html>", ()),
        ("a.xml", "application/xml", b"<svg>", ()),
        ("a.svg", "image/svg+xml", b"<?xml version='1.0'?><x:y>", ()),
        ("README.md", "text/markdown", b"<h1>Read me</h1>", ()),
        ("a.xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12", b"PK\3\4", _MACROS),
        ("a.pdf", "application/pdf", b"PK\3\4", _LIES),
        (
            "a.pdf",
            "application/pdf",
            b"<html>",
            (Finding.EXTENSION_MISMATCH, Finding.TYPE_MISMATCH),
        ),
        ("a.jpg", "image/jpg", b"\xff\xd8\xff\xe0", ()),
        (
            "a.pdf",
            "application/pdf",
            b"MZ\x90",
            (Finding.EXECUTABLE, Finding.EXTENSION_MISMATCH, Finding.TYPE_MISMATCH),
        ),
    ],
)
def test_claims(filename: str, content_type: str, data: bytes, found: tuple[Finding, ...]) -> None:
    """A claim that the octets contradict is flagged; one that they do not judge is not."""
    assert outline(filename, content_type, data).findings == found


def test_what_can_be_opened_as_an_archive_too() -> None:
    """An archive at the end of something else is flagged, whatever that is; an archive is not."""
    archive = hostile.plain_zip({"a.txt": b"x"})
    for beginning in (hostile.image("JPEG"), hostile.pdf("x"), b"a text\n" * 1000, b"MZ"):
        assert Finding.HIDDEN_ARCHIVE in outline("", "", beginning + archive).findings
        assert Finding.HIDDEN_ARCHIVE not in outline("", "", beginning).findings
    for whole in (archive, gzip.compress(b"x") + archive):
        assert outline("", "", whole).findings == ()


def test_archives() -> None:
    """What holds files is known as such."""
    assert is_archive("application/vnd.rar")
    assert not is_archive("application/pdf")
    assert not is_archive(None)
