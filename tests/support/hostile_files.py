"""Files made to hurt whoever reads them, and ordinary ones beside them; all made when asked for."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from PIL import Image

__all__ = [
    "bomb_bzip2",
    "bomb_gzip",
    "bomb_png",
    "bomb_xz",
    "bomb_zip",
    "crowded_zip",
    "encrypted_pdf",
    "form_bomb_pdf",
    "image",
    "laughing_pdf",
    "nested_zip",
    "packed_pdf",
    "pdf",
    "plain_zip",
    "ring_pdf",
]

_MEGABYTE = bytes(1024 * 1024)
_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def image(form: str = "PNG", *, size: tuple[int, int] = (640, 480), **options: object) -> bytes:
    """A picture with a gradient."""
    buffer = io.BytesIO()
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))


@cache
def bomb_png(edge: int = 50_000) -> bytes:
    """A black picture of *edge* by *edge* pixels, whole and valid, in some hundred kilobytes."""
    packer = zlib.compressobj(9)
    octets = ((edge + 7) // 8 + 1) * edge
    packed = [packer.compress(_MEGABYTE) for _ in range(octets // len(_MEGABYTE))]
    packed += [packer.compress(bytes(octets % len(_MEGABYTE))), packer.flush()]
    header = struct.pack("!IIBBBBB", edge, edge, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", b"".join(packed))
        + _chunk(b"IEND", b"")
    )


@cache
def bomb_gzip(gigabytes: int = 10) -> bytes:
    """That many gigabytes of zeros, as members that follow each other."""
    return gzip.compress(_MEGABYTE * 128, mtime=0) * (gigabytes * 8)


@cache
def bomb_bzip2(gigabytes: int = 10) -> bytes:
    """The same, compressed by bzip2."""
    return bz2.compress(_MEGABYTE * 64) * (gigabytes * 16)


@cache
def bomb_xz(gigabytes: int = 10) -> bytes:
    """The same, compressed by xz."""
    return lzma.compress(_MEGABYTE * 64, preset=0) * (gigabytes * 16)


@cache
def bomb_zip(files: int = 100, megabytes: int = 100) -> bytes:
    """So many files of so many megabytes of zeros: ten gigabytes, in ten megabytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join([packer.compress(_MEGABYTE) for _ in range(megabytes)] + [packer.flush()])
    crc = 0
    for _ in range(megabytes):
        crc = zlib.crc32(_MEGABYTE, crc)
    sizes = (crc, len(packed), megabytes * len(_MEGABYTE))
    body, index = bytearray(), bytearray()
    for number in range(files):
        name = b"zeros-%03d.txt" % number
        at = len(body)
        shared = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, *sizes, len(name), 0)
        body += b"PK\3\4" + shared + name + packed
        index += b"PK\1\2\x14\0" + shared + struct.pack("<HHHII", 0, 0, 0, 0, at) + name
    end = struct.pack("<HHHHIIH", 0, 0, files, files, len(index), len(body), 0)
    return bytes(body + index + b"PK\5\6" + end)


def plain_zip(entries: Mapping[str, bytes]) -> bytes:
    """An ordinary archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@cache
def crowded_zip(files: int = 60_000) -> bytes:
    """An archive of so many empty files, whose list is most of it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(files):
            archive.writestr(zipfile.ZipInfo(f"{number}.txt"), b"")
    return buffer.getvalue()


def nested_zip(levels: int = 50) -> bytes:
    """An archive in an archive in an archive, each under the name of the next."""
    data = plain_zip({"r.txt": b"r"})
    for _ in range(levels):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("r/r.zip", data)
        data = buffer.getvalue()
    return data


def _objects(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """The objects, numbered from 1 (the catalog), as a PDF file with a right table."""
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, item in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, item)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d/Root 1 0 R%b>>\n" % (len(objects) + 1, trailer)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % table)


def _stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (entries, len(data), data)


def _as_it_is(_number: int, data: bytes) -> bytes:
    return data


def pdf(
    *lines: str,
    trailer: bytes = b"",
    extra: Sequence[bytes] = (),
    seal: Callable[[int, bytes], bytes] = _as_it_is,
    pages: int = 1,
) -> bytes:
    """A page with these lines of text, shown *pages* times; *extra* objects begin with number 6.

    *seal* encrypts the stream of an object.
    """
    shown = "".join(f"({line}) Tj 0 -16 Td\n" for line in lines)
    content = f"BT /F1 12 Tf 72 720 Td\n{shown}ET".encode("latin-1")
    return _objects(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[%b]/Count %d>>" % (b"3 0 R " * pages, pages),
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 5 0 R"
            b"/Resources<</Font<</F1 4 0 R>>>>>>",
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            _stream(seal(5, content)),
            *extra,
        ],
        trailer,
    )


def packed_pdf(action: bytes) -> bytes:
    """A page under a catalog that is opened with the action, which is in a stream of objects."""
    inner = b"4 0 " + action
    packed = _stream(zlib.compress(inner), b"/Type/ObjStm/N 1/First 4/Filter/FlateDecode")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/OpenAction 4 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        None,
        packed,
    ]
    out, rows = bytearray(b"%PDF-1.5\n"), [struct.pack("!BIH", 0, 0, 65535)]
    for number, item in enumerate(objects, 1):
        if item is None:  # the first in the stream 5 (ISO 32000-2 table 18)
            rows.append(struct.pack("!BIH", 2, 5, 0))
        else:
            rows.append(struct.pack("!BIH", 1, len(out), 0))
            out += b"%d 0 obj\n%b\nendobj\n" % (number, item)
    at = len(out)
    rows.append(struct.pack("!BIH", 1, at, 0))
    table = _stream(b"".join(rows), b"/Type/XRef/W[1 4 2]/Size 7/Root 1 0 R")
    return bytes(out + b"6 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (table, at))


def ring_pdf() -> bytes:
    """A tree of pages that is its own branch, and a table of objects that goes on with itself."""
    data = _objects(
        [
            b"<</Type/Catalog/Pages 2 0 R/Outlines 2 0 R>>",
            b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 3 0 R 2 0 R]/Count 1000000>>",
            b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 3 0 R]/Count 1000000>>",
        ],
        b"/Prev 999999999",
    )
    return data.replace(b"999999999", b"%09d" % data.rindex(b"xref\n0"))


def form_bomb_pdf(levels: int = 12, width: int = 12) -> bytes:
    """A page that shows a form which shows another twelve times, and so on, twelve levels deep."""
    calls = b"/X Do " * width
    forms = [
        _stream(
            calls,
            b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>"
            % (n + 1),
        )
        for n in range(5, 5 + levels)
    ]
    last = _stream(b"BT /F1 9 Tf (ha) Tj ET", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    return _objects(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
            b"/Resources<</XObject<</X 5 0 R>>>>>>",
            _stream(calls),
            *forms,
            last,
        ]
    )


def laughing_pdf(gigabytes: int = 4) -> bytes:
    """A page whose content comes to so many gigabytes when it is inflated."""
    packer = zlib.compressobj(9)
    portion = b"BT (ha) Tj ET\n" * 75_000
    inner = b"".join([*(packer.compress(portion) for _ in range(64)), packer.flush()])
    # Deflated twice: what repeats once inflated repeats in the deflated stream, too.
    outer = zlib.compress(inner, 9)
    contents = b" ".join([b"4 0 R"] * (gigabytes * 16))
    return _objects(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents[%b]>>" % contents,
            _stream(outer, b"/Filter[/FlateDecode/FlateDecode]"),
        ]
    )


def encrypted_pdf(password: bytes = b"secret") -> bytes:
    """A document under a password (standard security handler, revision 2, ISO 32000-1 7.6.3)."""
    padded = (password + _PADDING)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    rights, identity = -4, b"0123456789abcdef"
    seed = padded + owner + struct.pack("<i", rights) + identity
    key = hashlib.md5(seed).digest()[:5]
    user = _rc4(key, _PADDING)

    def seal(number: int, data: bytes) -> bytes:
        mine = hashlib.md5(key + struct.pack("<I", number)[:3] + b"\0\0").digest()[:10]
        return _rc4(mine, data)

    entry = b"<</Filter/Standard/V 1/R 2/O<%b>/U<%b>/P %d>>" % (
        owner.hex().encode(),
        user.hex().encode(),
        rights,
    )
    identities = identity.hex().encode()
    trailer = b"/Encrypt 6 0 R/ID[<%b><%b>]" % (identities, identities)
    return pdf("for your eyes only", trailer=trailer, extra=[entry], seal=seal)


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    out = bytearray()
    for octet in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(octet ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
