"""The guide's hooks for attachments, as a script calls them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage as Letter
from pathlib import Path

import pytest

from sage_imap.models.email import EmailMessage
from sage_mail.attachments import hooks
from tests.support import hostile_files as hostile

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    yield
    while hooks._running:
        hooks._running.pop().close()


def _message(data: bytes, filename: str, content_type: str) -> EmailMessage:
    letter = Letter()
    letter["Date"] = "Fri, 01 Mar 2024 10:00:00 -0000"
    letter.set_content("see the attachment")
    maintype, _, subtype = content_type.partition("/")
    letter.add_attachment(data, maintype=maintype, subtype=subtype, filename=filename)
    return EmailMessage.from_bytes(letter.as_bytes())


def test_an_image() -> None:
    """The record has the image's facts and a small picture."""
    data = hostile.image()
    message = _message(data, "photo.png", "image/png")
    record = hooks.process_image_attachment(message.attachments[0], message)
    assert (record["filename"], record["size"]) == ("photo.png", len(data))
    assert record["sha256"] == hashlib.sha256(data).hexdigest()
    assert (record["status"], record["findings"]) == ("ok", [])
    assert record["image"]["width"] == 640
    assert isinstance(record["thumbnail"], bytes)


def test_a_document() -> None:
    """The record has text, invoice number and total; without a message as well."""
    data = hostile.pdf("Invoice Number: INV-2024-0042", "Total: EUR 119.00")
    message = _message(data, "invoice.pdf", "application/pdf")
    record = hooks.process_pdf_attachment(message.attachments[0], message)
    assert (record["invoice_number"], record["total"]) == ("INV-2024-0042", "119.00 EUR")
    assert "INV-2024-0042" in record["text"]
    assert record["document"]["pages"] == 1
    alone = hooks.process_pdf_attachment(message.attachments[0])
    assert alone["invoice_number"] == "INV-2024-0042"


def test_an_encrypted_document() -> None:
    """What cannot be read has its keys all the same."""
    message = _message(hostile.encrypted_pdf(), "a.pdf", "application/pdf")
    record = hooks.process_pdf_attachment(message.attachments[0], message)
    assert (record["status"], record["text"]) == ("encrypted", "")
    assert (record["invoice_number"], record["total"]) == (None, None)


def test_any_other() -> None:
    """An archive is listed, its suspicious names are flagged."""
    data = hostile.plain_zip({"../run.exe": b"x"})
    message = _message(data, "a.pdf.zip", "application/zip")
    record = hooks.process_generic_attachment(message.attachments[0], message)
    assert record["detected_type"] == "application/zip"
    assert record["archive"]["count"] == 1
    assert record["findings"] == ["dangerous_entry", "double_extension", "unsafe_path"]
    assert "thumbnail" not in record


_SCRIPT = """
from sage_imap.models.email import EmailMessage
from sage_mail.attachments.hooks import process_pdf_attachment
import sys
message = EmailMessage.from_bytes(sys.stdin.buffer.read())
print(process_pdf_attachment(message.attachments[0], message)["invoice_number"])
"""


def test_a_script_without_a_guard() -> None:
    """A plain script needs no `if __name__`, runs once, and ends without a word."""
    message = _message(hostile.pdf("Invoice Number: INV-7788"), "a.pdf", "application/pdf")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _SCRIPT],
        input=message.raw,
        capture_output=True,
        timeout=60,
        check=False,
        cwd=_ROOT,
    )
    assert (done.stdout, done.stderr, done.returncode) == (b"INV-7788\n", b"", 0)
