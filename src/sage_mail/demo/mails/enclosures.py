"""What is enclosed with the demo's mails: pictures, invoices, a log, an invitation, made here."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["Enclosure", "enclosure"]


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file as it is enclosed; ``params`` are further parameters of its content type."""

    name: str
    filename: str
    content_type: str
    data: bytes
    params: tuple[tuple[str, str], ...] = ()

    @property
    def maintype(self) -> str:
        """The content type before the slash."""
        return self.content_type.partition("/")[0]

    @property
    def subtype(self) -> str:
        """The content type after the slash."""
        return self.content_type.partition("/")[2]


def enclosure(name: str) -> Enclosure:
    """The enclosure of that name, the same each time; raises KeyError for any other name."""
    return _ALL[name]


def _png(width: int, height: int, low: tuple[int, int, int], high: tuple[int, int, int]) -> bytes:
    """A picture of a glow: one colour in the middle that fades into another (PNG, 8 bit RGB)."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)  # PNG section 9.2: this row is not filtered
        for x in range(width):
            away = ((2 * x / width - 1) ** 2 + (2 * y / height - 1) ** 2) / 2
            rows += bytes(round(a + (b - a) * (1 - away)) for a, b in zip(low, high, strict=True))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pdf(title: str, lines: Iterable[str]) -> bytes:
    """One A4 page (PDF 1.4): the title large, the lines in Courier, so that columns stand."""
    text = [b"BT /F2 20 Tf 60 770 Td (%s) Tj /F1 9.5 Tf 0 -40 Td 15 TL" % _pdf_text(title)]
    text += [b"(%s) Tj T*" % _pdf_text(line) for line in lines]
    stream = b"\n".join([*text, b"ET"])
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    )
    file = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    file += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    return bytes(file + b"startxref\n%d\n%%%%EOF\n" % start)


def _pdf_text(text: str) -> bytes:
    data = text.encode("cp1252")
    return data.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


_INVOICE: Final = (
    "Brightwire Components Ltd, 4 Foundry Lane, Harrowgate Quay",
    "To: Lumio, 12 Harbour Row, Nordhaven",
    "",
    "Invoice number: BW-20817        Date of supply: first week of the month",
    "Your reference: PO-3391",
    "",
    "40 x dimmer module DM-2 at EUR 11.80                  EUR    472.00",
    "60 x textile cable 2.5 m, rust, at EUR 4.15           EUR    249.00",
    "Carriage                                              EUR     18.50",
    "",
    "Net                                                   EUR    739.50",
    "VAT 20 %                                              EUR    147.90",
    "Total due                                             EUR    887.40",
    "",
    "Payable within 30 days. IBAN: XX00 0000 0000 0000 0000 00 (not a real account)",
)
_RECHNUNG: Final = (
    "Glaswerk Tannhof GmbH, Hüttenweg 9, Tannhof",
    "An: Lumio, Hafenzeile 12, Nordhaven",
    "",
    "Rechnungsnummer: R-5512         Ihre Bestellung: 3402",
    "",
    "25 Stück Lampenschirm Opal, Ø 18 cm, je 21,40 €          535,00 €",
    "Verpackung und Versand                                    29,00 €",
    "",
    "Zwischensumme                                            564,00 €",
    "zzgl. 19 % MwSt.                                         107,16 €",
    "Gesamtbetrag                                             671,16 €",
    "",
    "Zahlbar innerhalb von 14 Tagen ohne Abzug.",
)
_LOG: Final = """\
10:02:11 app 4.2.0 started, phone model K7
10:02:12 looking for lamps on the local network
10:02:14 found lamp 7F:21 (firmware 1.9)
10:02:14 pairing ...
10:02:44 ERROR pairing timed out, code 1207
10:02:44 FATAL unhandled state "half-paired", stopping
"""
_INVITATION: Final = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Studio Veld//Calendar//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:spring-range-review@veld.example
DTSTAMP:20300107T090000Z
DTSTART:20300114T130000Z
DTEND:20300114T140000Z
SUMMARY:Spring range: review of the samples
LOCATION:Studio Veld, upstairs
ORGANIZER;CN=Ida Veld:mailto:ida@veld.example
ATTENDEE;CN=Lumio;RSVP=TRUE:mailto:hello@lumio.example
END:VEVENT
END:VCALENDAR
"""

_FILES: Final = (
    Enclosure(
        "broken-shade",
        "broken-shade.png",
        "image/png",
        _png(160, 120, (40, 38, 36), (222, 190, 140)),
    ),
    Enclosure("banner", "banner.png", "image/png", _png(240, 80, (20, 60, 90), (255, 214, 120))),
    Enclosure("lake", "lake.png", "image/png", _png(200, 140, (30, 70, 110), (190, 220, 240))),
    Enclosure("invoice", "invoice-BW-20817.pdf", "application/pdf", _pdf("INVOICE", _INVOICE)),
    Enclosure("rechnung", "Rechnung-R-5512.pdf", "application/pdf", _pdf("RECHNUNG", _RECHNUNG)),
    Enclosure("log", "lumio-app.log", "text/plain", _LOG.encode()),
    Enclosure(
        "invitation",
        "invite.ics",
        "text/calendar",
        _INVITATION.replace("\n", "\r\n").encode(),
        (("method", "REQUEST"),),
    ),
)
_ALL: Final = {file.name: file for file in _FILES}
