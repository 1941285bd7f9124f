"""What is found out about ordinary, broken and lying files of each kind."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sage_mail.attachments import Answer, AttachmentFacts, Finding, Request, Status
from sage_mail.attachments.analysis import analyse
from sage_mail.attachments.facts import LONGEST_TEXT, MOST_ENTRIES, EntryKind
from sage_mail.attachments.signatures import OLE
from tests.support import hostile_files as hostile

_OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)


def _facts(data: bytes, filename: str = "", content_type: str = "") -> AttachmentFacts:
    return analyse(Request(filename=filename, content_type=content_type), data).facts


def test_an_image_with_its_thumbnail() -> None:
    """A picture is described, and drawn smaller without what its maker wrote into it."""
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0110] = "Model 1"
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    data = hostile.image("JPEG", size=(1024, 512), exif=exif)
    answer = analyse(Request(filename="a.jpg", content_type="image/jpeg"), data)
    image = answer.facts.image
    assert image is not None
    assert (image.format, image.width, image.height, image.mode) == ("JPEG", 1024, 512, "RGB")
    assert image.exif is not None
    assert (image.exif.make, image.exif.model) == ("Maker", "Model 1")
    assert (image.exif.orientation, image.exif.located) == (6, True)
    assert answer.picture is not None
    assert (answer.picture.width, answer.picture.height) == (256, 128)
    assert len(answer.picture.data) < 64 * 1024
    with Image.open(io.BytesIO(answer.picture.data)) as drawn:
        assert (drawn.size, drawn.format) == ((256, 128), "JPEG")
        assert not drawn.getexif()


@pytest.mark.parametrize("form", ["BMP", "GIF", "ICO", "JPEG", "PNG", "TIFF", "WEBP"])
def test_formats_of_images(form: str) -> None:
    """Each format that comes in mail is read and drawn, whatever its type claims."""
    answer = analyse(Request(), hostile.image(form, size=(200, 100)))
    assert answer.facts.status is Status.OK
    assert answer.facts.image is not None
    assert answer.facts.image.format == form
    assert answer.picture is not None


def test_noise_is_drawn_small_enough() -> None:
    """A picture that does not compress is drawn with less quality, a clear one as well."""
    noise = Image.effect_noise((900, 900), 200)
    for mode in ("RGB", "LA"):
        buffer = io.BytesIO()
        noise.convert(mode).save(buffer, "PNG")
        picture = analyse(Request(), buffer.getvalue()).picture
        assert picture is not None
        assert len(picture.data) <= 64 * 1024


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16", "F", "YCbCr"])
def test_modes_of_images(mode: str) -> None:
    """Whatever its colours are kept as, an image is drawn."""
    form = "PNG" if mode in ("LA", "RGBA", "P") else "TIFF"
    buffer = io.BytesIO()
    source = Image.linear_gradient("L")
    if mode == "I;16":
        source = source.convert("I")
    source.convert(mode).save(buffer, form)
    answer = analyse(Request(), buffer.getvalue())
    assert (answer.facts.status, answer.picture is None) == (Status.OK, False)


def test_frames_and_no_thumbnail() -> None:
    """Frames are counted; nothing is drawn where none is wanted."""
    buffer = io.BytesIO()
    frames = [Image.new("L", (9, 9), shade) for shade in (0, 100, 200)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    answer = analyse(Request(thumbnail=False), buffer.getvalue())
    assert answer.facts.image is not None
    assert answer.facts.image.frames == 3
    assert answer.picture is None


def test_a_truncated_image() -> None:
    """What its header says is told, and that its pixels are missing."""
    facts = _facts(hostile.image("JPEG")[:2000], "a.jpg", "image/jpeg")
    assert facts.status is Status.BROKEN
    assert facts.image is not None
    assert facts.image.width == 640


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\0\1garbage"])
def test_what_is_no_image(data: bytes) -> None:
    """What claims to be an image and is none is broken."""
    facts = _facts(data, "a.png", "image/png")
    assert (facts.status, facts.image) == (Status.BROKEN, None)


def test_an_image_with_a_lying_extension() -> None:
    """A picture under the name and the type of another is read as what it is, and flagged."""
    facts = _facts(hostile.image("PNG"), "photo.jpg", "image/jpeg")
    assert facts.image is not None
    assert facts.image.format == "PNG"
    assert facts.findings == (Finding.EXTENSION_MISMATCH, Finding.TYPE_MISMATCH)


def test_a_document_with_an_invoice() -> None:
    """Pages, metadata and text are told, and what the text says of an invoice."""
    data = hostile.pdf(
        "ACME Ltd", "Invoice Number: INV-2024-0042", "Total: EUR 1,119.00", "Due in 14 days"
    )
    facts = analyse(
        Request(content_type="application/pdf", sent=datetime(2024, 3, 1, tzinfo=UTC)), data
    ).facts
    document, order = facts.document, facts.order
    assert (facts.status, facts.findings) == (Status.OK, ())
    assert document is not None
    assert (document.pages, document.version) == (1, "1.4")
    assert (document.protected, document.truncated) == (False, False)
    assert document.text.splitlines()[1] == "Invoice Number: INV-2024-0042"
    assert order is not None
    assert order.invoice_numbers[0].value == "INV-2024-0042"
    assert order.total is not None
    assert (order.total.value.amount, order.total.value.currency) == (Decimal("1119.00"), "EUR")


def test_the_metadata_of_a_document() -> None:
    """Title and author come from the document's own dictionary, cut where they are endless."""
    entry = b"<</Title(%b)/Author(A. N. Other)>>" % (b"t" * 5000)
    document = _facts(hostile.pdf("x", trailer=b"/Info 6 0 R", extra=[entry])).document
    assert document is not None
    assert (document.title, document.author) == ("t" * 200, "A. N. Other")


def test_the_text_of_a_document_is_bounded() -> None:
    """A document of endless text is cut, and says so."""
    document = _facts(hostile.pdf(*["many words " * 8] * 40, pages=20)).document
    assert document is not None
    assert LONGEST_TEXT - 2 < len(document.text) <= LONGEST_TEXT
    assert document.truncated


def test_a_document_under_a_password() -> None:
    """That it is encrypted is a fact, not an error."""
    facts = _facts(hostile.encrypted_pdf(), "a.pdf", "application/pdf")
    assert (facts.status, facts.document) == (Status.ENCRYPTED, None)
    assert facts.problem == "it can be opened with a password only"


def test_a_document_that_is_only_protected() -> None:
    """Under an empty password it can be read by anybody, and is."""
    document = _facts(hostile.encrypted_pdf(b"")).document
    assert document is not None
    assert document.protected
    assert document.text == "for your eyes only"


def test_a_document_with_a_program() -> None:
    """A document that runs JavaScript is flagged."""
    code = b"<</S/JavaScript/JS(app.alert\\(1\\))>>"
    names = b"<</Names[(a)6 0 R]>>"
    data = hostile.pdf("x", extra=[code, names]).replace(
        b"/Type/Catalog", b"/Type/Catalog/Names<</JavaScript 7 0 R>>"
    )
    assert _facts(data).findings == (Finding.ACTIVE_CONTENT,)


_ACTION = b"<</S/JavaScript/JS(app.alert\\(1\\))>>"


@pytest.mark.parametrize(
    ("catalog", "page", "extra"),
    [
        (b"/OpenAction" + _ACTION, b"", b""),
        (b"/OpenAction<</S/J#61vaScript/J#53(x)>>", b"", b""),
        (b"/OpenAction 6 0 R", b"", _ACTION),
        (b"/OpenAction<</S/Launch/F(cmd.exe)>>", b"", b""),
        (b"/OpenAction<</S 6 0 R/F(cmd.exe)>>", b"", b"/Launch"),
        (b"/AA<</WC %b>>" % _ACTION, b"", b""),
        (b"", b"/AA<</O %b>>" % _ACTION, b""),
        (b"", b"/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A %b>>]" % _ACTION, b""),
        (b"/AcroForm<</Fields[<</FT/Tx/T(a)/AA<</K %b>>>>]>>" % _ACTION, b"", b""),
    ],
)
def test_actions_that_run(catalog: bytes, page: bytes, extra: bytes) -> None:
    """Wherever the action stands that runs a script or a program, the document is flagged."""
    plain = hostile.pdf("x", extra=[extra or b"null"])
    data = plain.replace(b"/Type/Catalog", b"/Type/Catalog" + catalog)
    assert _facts(data.replace(b"/Type/Page/", b"/Type/Page%b/" % page)).findings == (
        Finding.ACTIVE_CONTENT,
    )


def test_actions_in_a_compressed_document() -> None:
    """An action in a stream of objects is found."""
    assert _facts(hostile.packed_pdf(_ACTION)).findings == (Finding.ACTIVE_CONTENT,)
    assert _facts(hostile.packed_pdf(b"<</S/GoTo/D[3 0 R/Fit]>>")).findings == ()


def test_words_that_run_nothing() -> None:
    """A document that only speaks of actions, in texts or streams, is not flagged."""
    text = b"<</Title(about /JavaScript \\(and /Launch\\))/Length 40>>\nstream\n/JS\nendstream"
    data = hostile.pdf("/S/JavaScript /JS", "stream", trailer=b"/Info 6 0 R", extra=[text])
    assert _facts(data.replace(b"/Type/Page/", b"/Type/Page/JSON 1/Next 6 0 R/")).findings == ()


def test_a_number_of_pages_that_is_a_lie() -> None:
    """Pages are counted as far as there are any, whatever the document claims."""
    for data, pages in (
        (hostile.ring_pdf(), 0),
        (hostile.pdf("x", pages=7).replace(b"/Count 7", b"/Count 999999"), 7),
        (hostile.pdf("x", pages=7), 7),
    ):
        document = _facts(data).document
        assert document is not None
        assert document.pages == pages


def test_what_is_told_before_the_end() -> None:
    """What may take long is told in steps, each a whole answer, the bomb before it is inflated."""
    told: list[Answer] = []
    analyse(Request(), hostile.bomb_gzip(1), told.append)
    assert told[0].facts.findings == (Finding.DECOMPRESSION_BOMB,)
    assert told[0].facts.archive is not None
    assert told[0].facts.archive.size == 64 * 1024 * 1024
    assert not told[0].facts.archive.complete
    told.clear()
    analyse(Request(), hostile.pdf("Total: EUR 119.00"), told.append)
    texts = [one.facts.document.text if one.facts.document else None for one in told]
    assert texts == ["", "Total: EUR 119.00"]
    told.clear()
    analyse(Request(), hostile.image(), told.append)
    assert [one.facts.image is not None for one in told] == [True]


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7\n", hostile.pdf("x")[:150], b"%PDF-1.4 " + b"1 0 obj " * 1000]
)
def test_a_broken_document(data: bytes) -> None:
    """What is cut off or no document at all is broken."""
    assert _facts(data, "a.pdf", "application/pdf").status is Status.BROKEN


@pytest.mark.parametrize("content_type", ["application/pdf", "image/png", "application/zip", ""])
def test_an_empty_file(content_type: str) -> None:
    """An empty file is broken whatever it claims to be."""
    facts = _facts(b"", "a", content_type)
    assert (facts.status, facts.problem) == (Status.BROKEN, "it is empty")


def test_an_archive_is_listed() -> None:
    """Names, sizes and ratio are those of the archive's own list."""
    facts = _facts(hostile.plain_zip({"a.txt": b"a" * 1000, "b/": b"", "b/c.csv": b"1"}), "a.zip")
    archive = facts.archive
    assert (facts.status, facts.detected_type) == (Status.OK, "application/zip")
    assert archive is not None
    assert (archive.format, archive.count, archive.size) == ("zip", 2, 1001)
    assert [(entry.name, entry.size) for entry in archive.entries] == [
        ("a.txt", 1000),
        ("b/c.csv", 1),
    ]
    assert archive.complete
    assert facts.findings == ()


def test_a_long_list_is_cut() -> None:
    """All files are counted, the first are listed."""
    archive = _facts(hostile.plain_zip({f"{n}.txt": b"" for n in range(250)})).archive
    assert archive is not None
    assert (archive.count, len(archive.entries)) == (250, MOST_ENTRIES)


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("../../etc/passwd", Finding.UNSAFE_PATH),
        ("/etc/passwd", Finding.UNSAFE_PATH),
        ("C:\\windows\\a.dat", Finding.UNSAFE_PATH),
        ("docs/invoice.pdf.exe", Finding.DANGEROUS_ENTRY),
        ("run.ps1", Finding.DANGEROUS_ENTRY),
        ("more.zip", Finding.NESTED_ARCHIVE),
        ("word/vbaProject.bin", Finding.MACROS),
        ("inv\u202efdp.txt", Finding.DIRECTION_OVERRIDE),
    ],
)
def test_suspicious_entries(name: str, finding: Finding) -> None:
    """Names that would write elsewhere, run, or hide more are flagged."""
    assert _facts(hostile.plain_zip({name: b"x"})).findings == (finding,)


def test_an_archive_under_a_password() -> None:
    """Its names are listed; that its files are encrypted is a fact."""
    data = bytearray(hostile.plain_zip({"secret.txt": b"x"}))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    facts = _facts(bytes(data), "a.zip")
    assert facts.status is Status.ENCRYPTED
    assert facts.archive is not None
    assert facts.archive.entries[0].encrypted


@pytest.mark.parametrize(
    ("entries", "media_type"),
    [
        (
            {"[Content_Types].xml": b"", "word/document.xml": b""},
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ({"META-INF/MANIFEST.MF": b"", "A.class": b""}, "application/java-archive"),
        ({"AndroidManifest.xml": b""}, "application/vnd.android.package-archive"),
    ],
)
def test_documents_that_are_archives(entries: dict[str, bytes], media_type: str) -> None:
    """Office documents and programs are told from ordinary archives by what is in them."""
    facts = _facts(hostile.plain_zip(entries))
    assert facts.detected_type == media_type
    assert (Finding.EXECUTABLE in facts.findings) is ("wordprocessing" not in media_type)


def test_an_opendocument_names_its_type() -> None:
    """OpenDocument and EPUB say what they are in their first entry."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("Basic/script.xml", "")
    facts = _facts(buffer.getvalue(), "a.odt", "application/vnd.oasis.opendocument.text")
    assert facts.detected_type == "application/vnd.oasis.opendocument.text"
    assert facts.findings == (Finding.MACROS,)


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_ODT = "application/vnd.oasis.opendocument.text"
_LIES = {Finding.EXTENSION_MISMATCH, Finding.TYPE_MISMATCH}


@pytest.mark.parametrize(
    ("filename", "content_type", "entries", "lies"),
    [
        ("a.docx", _WORD, {"evil.exe": b"MZ"}, _LIES),
        ("a.odt", _ODT, {"evil.exe": b"MZ"}, _LIES),
        ("a.docx", _WORD, {"[Content_Types].xml": b"", "xl/workbook.xml": b""}, _LIES),
        ("a.docx", _WORD, {"META-INF/MANIFEST.MF": b""}, _LIES),
        ("a.docx", _WORD, {"[Content_Types].xml": b"", "word/document.xml": b""}, set()),
        ("a.docx", _WORD, {"[Content_Types].xml": b"", "\\word\\document.xml": b""}, set()),
        ("a.zip", "application/zip", {"[Content_Types].xml": b"", "word/a": b""}, set()),
        ("a.jar", "application/java-archive", {"A.class": b""}, set()),
        ("a.pdf", "application/pdf", {"a.txt": b""}, _LIES),
    ],
)
def test_documents_against_their_claims(
    filename: str, content_type: str, entries: dict[str, bytes], lies: set[Finding]
) -> None:
    """An archive that is no document, or another one, is told from what it claims to be."""
    findings = set(_facts(hostile.plain_zip(entries), filename, content_type).findings)
    assert findings & _LIES == lies


@pytest.mark.parametrize("told", ["application/pdf", "application/x-made-up+zip"])
def test_an_archive_does_not_name_its_type(told: str) -> None:
    """An archive that calls itself something else is an archive, and one that lies."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", told)
    facts = _facts(buffer.getvalue(), "a.pdf", "application/pdf")
    assert facts.detected_type == "application/zip"
    assert set(facts.findings) == _LIES


def test_an_archive_behind_a_picture() -> None:
    """What can be opened as an archive as well is listed as one, and read as what it shows."""
    program = hostile.plain_zip({"invoice.exe": b"MZ"})
    facts = _facts(hostile.image("JPEG") + program, "a.jpg", "image/jpeg")
    assert facts.detected_type == "image/jpeg"
    assert facts.image is not None
    assert facts.archive is not None
    assert facts.archive.entries[0].name == "invoice.exe"
    assert facts.findings == (Finding.DANGEROUS_ENTRY, Finding.HIDDEN_ARCHIVE)


def test_something_before_an_archive() -> None:
    """Octets before an archive hide it from nobody who opens it."""
    facts = _facts(b"\0\1\2\3" + hostile.plain_zip({"a.exe": b"MZ"}), "a.zip")
    assert facts.detected_type == "application/zip"
    assert facts.findings == (Finding.DANGEROUS_ENTRY,)


def test_more_entries_than_are_counted() -> None:
    """An archive of endless lists is read to a limit, and says so; as many as that are all read."""
    archive = _facts(hostile.crowded_zip(20_000)).archive
    assert archive is not None
    assert (archive.count, archive.complete) == (20_000, True)
    for many in (20_001, 70_000):
        archive = _facts(b"before" + hostile.crowded_zip(many)).archive
        assert archive is not None
        assert (archive.count, archive.complete) == (20_000, False)


def test_a_link_in_a_zip_file() -> None:
    """A symbolic link is no file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "../outside")
    listed = _facts(buffer.getvalue()).archive
    assert listed is not None
    assert listed.entries[0].kind is EntryKind.LINK


@pytest.mark.parametrize(
    ("filename", "data", "active"),
    [
        ("a.svg", b"<svg><script>alert(1)</script></svg>", True),
        ("a.svg", b"<svg xmlns:s='x'><s:script href='x'/></svg>", True),
        ("a.svg", b"<svg/onload=alert(1)>", True),
        ("a.svg", b"<svg><a href='javascript:alert(1)'>", True),
        ("a.svg", b"<svg><text>only = script, onset=1</text></svg>", False),
        ("a.xml", b"<?xml version='1.0'?><x><h:script xmlns:h='y'/></x>", True),
        ("a.html", b"<html><script>alert(1)</script>", True),
        ("a.html", "<html><script>x()</script>".encode("utf-16"), True),
        ("a.html", b"<html><body onLoad = 'x()'>", True),
        ("a.html", b"<html><script type='application/ld+json'>{}</script>", False),
        ("a.html", b"<html><p>subscription</p><description>", False),
        ("a.txt", b"To run it, write <script>x()</script>.", False),
    ],
)
def test_markup_that_runs(filename: str, data: bytes, active: bool) -> None:
    """A page or a drawing with a script is flagged, wherever the script stands; a text is not."""
    assert _facts(data, filename).findings == ((Finding.ACTIVE_CONTENT,) if active else ())


def _tar(*names: str, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 100
            archive.addfile(member, io.BytesIO(b"x" * 100))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "../outside"
        archive.addfile(link)
        pipe = tarfile.TarInfo("pipe")
        pipe.type = tarfile.FIFOTYPE
        archive.addfile(pipe)
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("mode", "name"),
    [("w", "tar"), ("w:gz", "tar.gzip"), ("w:bz2", "tar.bzip2"), ("w:xz", "tar.xz")],
)
def test_tar_archives(mode: str, name: str) -> None:
    """A tar archive is listed through what compresses it; links that lead outside are flagged."""
    facts = _facts(_tar("a.txt", "b.sh", mode=mode))
    archive = facts.archive
    assert archive is not None
    assert (archive.format, archive.count, archive.size >= 200) == (name, 4, True)
    assert [(entry.name, str(entry.kind)) for entry in archive.entries] == [
        ("a.txt", "file"),
        ("b.sh", "file"),
        ("link", "link"),
        ("pipe", "device"),
    ]
    assert facts.findings == (Finding.DANGEROUS_ENTRY, Finding.UNSAFE_PATH)
    assert archive.complete


def test_a_tar_archive_that_is_cut_off() -> None:
    """What can be listed is, and that there was more."""
    archive = _facts(_tar("a.txt", "b.txt")[:1600]).archive
    assert archive is not None
    assert (archive.count, archive.complete) == (2, False)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_file(pack: object) -> None:
    """A single compressed file is measured, also where it has several members or is cut off."""
    assert callable(pack)
    data = pack(b"x" * 300_000)
    for octets, size, complete in [(data, 300_000, True), (data * 2, 600_000, True)]:
        archive = _facts(octets).archive
        assert archive is not None
        assert (archive.count, archive.size, archive.complete) == (1, size, complete)
    torn = _facts(data[:-5])
    assert torn.archive is not None
    assert not torn.archive.complete


@pytest.mark.parametrize("data", [b"PK\3\4" + b"x" * 100, b"\x1f\x8b" + b"x" * 100])
def test_a_broken_archive(data: bytes) -> None:
    """What begins as an archive and is none is broken."""
    assert _facts(data).status is Status.BROKEN


def test_an_archive_of_a_version_to_come() -> None:
    """An archive that asks for more than there is to read it is broken, not a bug of ours."""
    data = bytearray(hostile.plain_zip({"a.txt": b"x"}))
    data[data.index(b"PK\1\2") + 6] = 255
    assert _facts(bytes(data)).status is Status.BROKEN


_ARCHIVES = [
    hostile.plain_zip({"a.txt": b"abc" * 20, "b/c": b""}),
    gzip.compress(b"abc" * 100, mtime=0),
    bz2.compress(b"abc"),
    lzma.compress(b"abc"),
]


@given(
    data=st.sampled_from(_ARCHIVES),
    edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 8), st.binary(max_size=8))),
)
def test_no_archive_is_a_bug_of_ours(data: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    """However an archive is cut and mended, it is read or broken."""
    for at, length, octets in edits:
        data = data[:at] + octets + data[at + length :]
    assert _facts(data).status in (Status.OK, Status.BROKEN, Status.ENCRYPTED)


def test_old_office_files() -> None:
    """Macros and encryption of OLE files are seen by the names of their streams."""
    assert _facts(_OLE, "a.doc").findings == ()
    assert _facts(_OLE + "_VBA_PROJECT".encode("utf-16-le")).findings == (Finding.MACROS,)
    locked = _facts(_OLE + "EncryptedPackage".encode("utf-16-le"), "a.docx")
    assert (locked.status, locked.detected_type, locked.findings) == (Status.ENCRYPTED, OLE, ())


def test_a_text_tells_of_an_order() -> None:
    """A text file is read as a document is."""
    facts = _facts(b"Order number: 4711-0815\nTotal: $12.50\n", "order.txt", "text/plain")
    assert facts.order is not None
    assert facts.order.order_numbers[0].value == "4711-0815"


def test_a_name_that_cannot_be_encoded() -> None:
    """A lone surrogate or NUL in a name hurts nobody."""
    assert _facts(b"x", "a\ud800\0.txt").status is Status.OK
