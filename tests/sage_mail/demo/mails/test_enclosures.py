"""Files that the demo's mails enclose, as other programs see them."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from sage_mail.demo.mails.enclosures import enclosure


@pytest.mark.parametrize("name", ["broken-shade", "banner", "lake"])
def test_a_picture_is_a_png(name: str) -> None:
    """Each chunk has its checksum, and the pixels are as many as the header says."""
    data = enclosure(name).data
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    position, chunks = 8, {}
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        kind, content = (
            data[position + 4 : position + 8],
            data[position + 8 : position + 8 + length],
        )
        (checksum,) = struct.unpack(">I", data[position + 8 + length : position + 12 + length])
        assert zlib.crc32(kind + content) == checksum
        chunks[kind] = content
        position += 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (1 + 3 * width)


@pytest.mark.parametrize("name", ["invoice", "rechnung"])
def test_an_invoice_is_a_pdf(name: str) -> None:
    """The table of objects points at the objects, and the last line at the table."""
    data = enclosure(name).data
    assert data.startswith(b"%PDF-1.4")
    assert data.endswith(b"%%EOF\n")
    start = int(data.split(b"startxref\n")[1].split(b"\n")[0])
    assert data[start:].startswith(b"xref\n")
    offsets = [int(entry) for entry in re.findall(rb"(\d{10}) 00000 n", data[start:])]
    for number, offset in enumerate(offsets, start=1):
        assert data[offset:].startswith(b"%d 0 obj\n" % number)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")
@pytest.mark.parametrize(("name", "words"), [("invoice", "EUR 887.40"), ("rechnung", "671,16 €")])
def test_an_invoice_can_be_read(name: str, words: str, tmp_path: Path) -> None:
    """Poppler finds its total, currency sign included, and has nothing to complain about."""
    file = tmp_path / enclosure(name).filename
    file.write_bytes(enclosure(name).data)
    read = subprocess.run(
        ["pdftotext", "-layout", str(file), "-"], capture_output=True, check=True, timeout=30
    )
    assert words in " ".join(read.stdout.decode().split())
    assert read.stderr == b""


def test_an_unknown_enclosure_is_an_error() -> None:
    """A misspelt name in a text does not go unnoticed."""
    with pytest.raises(KeyError):
        enclosure("lamp")
