from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.models.attachment import Attachment, _fill
from sage_imap.models.email import EmailMessage
from sage_imap.models.filenames import numbered, safe_filename


def _attachment(
    name: str, content: bytes = b"content", kind: str = "application/pdf"
) -> Attachment:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    head = f'Content-Type: {kind}\nContent-Disposition: attachment; filename="{quoted}"\n\n'
    return EmailMessage.from_bytes(head.encode("utf-8", "replace") + content).attachments[0]


def test_what_an_attachment_says() -> None:
    """Name, type, size, hash and content."""
    attachment = _attachment("a.pdf")
    assert (attachment.filename, attachment.content_type, attachment.size) == (
        "a.pdf",
        "application/pdf",
        7,
    )
    assert attachment.content == attachment.payload == b"content"
    assert attachment.sha256 == hashlib.sha256(b"content").hexdigest()
    assert attachment.disposition == "attachment"
    assert not attachment.is_inline
    assert not attachment.is_image
    assert repr(attachment) == "Attachment(application/pdf)"


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("a.pdf", "a.pdf"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Windows\\system.ini", "system.ini"),
        ("..", "attachment.pdf"),
        ("", "attachment.pdf"),
        ("...", "attachment.pdf"),
        ("///", "attachment.pdf"),
        ("a\0b\r\n.pdf", "ab.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("com¹ .txt", "_com¹.txt"),
        ("a.pdf. . ", "a.pdf"),
        (".bashrc", "bashrc"),
        ('a<b>:"c|?*.pdf', "a_b___c___.pdf"),
        ("a/..\u2044..\u2215b", "b"),
        ("Grüße.pdf", "Grüße.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("ü" * 300, "ü" * 100),
        ("a." + "x" * 300, "a." + "x" * 198),
    ],
)
def test_no_name_leaves_the_directory(name: str, saved: str, tmp_path: Path) -> None:
    """Paths, controls, devices, directions and lengths are taken out of the name."""
    assert safe_filename(name, "application/pdf") == saved
    folder = tmp_path / "in"
    folder.mkdir()
    path = _attachment(name.replace("\r\n", "")).save_to_file(folder)
    assert path.parent == folder
    assert path.read_bytes() == b"content"
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    """A taken name gets a number."""
    names = [_attachment("a.tar").save_to_file(tmp_path).name for _ in range(3)]
    assert names == ["a.tar", "a (1).tar", "a (2).tar"]
    assert numbered("a", 4) == "a (4)"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link that waits under the name is a taken name."""
    outside = tmp_path / "outside"
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.pdf").symlink_to(outside)
    assert _attachment("a.pdf").save_to_file(folder).name == "a (1).pdf"
    assert not outside.exists()


def test_no_partial_file_is_left(tmp_path: Path) -> None:
    """A file that cannot be written to its end is removed."""
    path = tmp_path / "a"
    path.write_bytes(b"")
    with pytest.raises(OSError):
        _fill(os.open(path, os.O_RDONLY), path, b"content")
    assert not path.exists()


def test_a_missing_directory_is_the_callers_error(tmp_path: Path) -> None:
    """Nothing is created elsewhere."""
    with pytest.raises(FileNotFoundError):
        _attachment("a.pdf").save_to_file(tmp_path / "missing")


@given(st.text(max_size=400))
def test_every_name_becomes_a_safe_one(name: str) -> None:
    """One component, printable, of bounded length, and stable."""
    safe = safe_filename(name)
    assert safe
    assert Path(safe).name == safe
    assert len(safe.encode()) <= 201
    assert not set(safe) & set('/\\:\0\n<>"|?*')
    assert safe not in (".", "..")
    assert not safe.endswith((".", " "))


def test_inline_parts_are_known() -> None:
    """By what they say, or because the text can refer to them."""
    message = EmailMessage.from_bytes(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: image/png\n"
        b"Content-Disposition: inline\n\nx\n--b\nContent-Type: image/png\nContent-ID: <a>\n\nx\n"
        b"--b\nContent-Type: image/png\nContent-ID: <a>\n"
        b"Content-Disposition: attachment\n\nx\n--b--"
    )
    assert [a.is_inline for a in message.attachments] == [True, True, False]
