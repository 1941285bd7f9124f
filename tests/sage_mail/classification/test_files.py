"""Labelled mail in files of every kind."""

from __future__ import annotations

import mailbox
from collections import Counter
from pathlib import Path

import pytest

from sage_mail.classification.files import read_labelled, read_message
from sage_mail.errors import TrainingImpossible

_MAIL = b"From: a@example.org\r\nSubject: Number %d\r\n\r\nHello\r\n"


def _subjects(path: Path, label: str | None = "spam") -> list[str]:
    return [labelled.message.subject for labelled in read_labelled(path, label)]


def test_a_directory(tmp_path: Path) -> None:
    """All files below it, but hidden ones and links; in the order of their names."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.eml").write_bytes(_MAIL % 1)
    (tmp_path / "deep" / "c").write_bytes(_MAIL % 2)
    (tmp_path / ".hidden").write_bytes(_MAIL % 3)
    (tmp_path / "link").symlink_to(tmp_path / "b.eml")
    assert _subjects(tmp_path) == ["Number 1", "Number 2"]


def test_folders_named_by_labels(tmp_path: Path) -> None:
    """Without a label each folder is one."""
    for number, label in enumerate(("sales", "support")):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.eml").write_bytes(_MAIL % number)
    found = list(read_labelled(tmp_path, None))
    assert [labelled.label for labelled in found] == ["sales", "support"]
    assert found[0].source == f"{tmp_path.name}/sales"


def test_a_maildir(tmp_path: Path) -> None:
    """Messages in cur and new; what is being delivered in tmp is none yet."""
    box = mailbox.Maildir(tmp_path / "box", create=True)
    box.add(_MAIL % 1)
    (tmp_path / "box" / "tmp" / "half").write_bytes(_MAIL % 9)
    (tmp_path / "box" / "dovecot.index").write_bytes(b"\x01\x02")
    assert _subjects(tmp_path / "box") == ["Number 1"]
    with pytest.raises(TrainingImpossible, match=r"box is a Maildir: add =LABEL"):
        _subjects(tmp_path / "box", None)


def test_an_mbox(tmp_path: Path) -> None:
    """Messages between the separators, with their quoting taken back."""
    box = mailbox.mbox(tmp_path / "box", create=True)
    box.add(_MAIL % 1)
    box.add(b"Subject: Number 2\n\nFrom here on\n\nFrom me to you 7\nand on\n")
    box.close()
    found = list(read_labelled(tmp_path / "box", "spam"))
    assert [labelled.message.subject for labelled in found] == ["Number 1", "Number 2"]
    assert "\nFrom me to you" in found[1].message.plain_body
    assert Counter(labelled.label for labelled in found) == {"spam": 2}


def test_an_empty_mbox(tmp_path: Path) -> None:
    """It has no messages."""
    (tmp_path / "box").touch()
    assert _subjects(tmp_path / "box") == []


def test_what_is_no_mail(tmp_path: Path) -> None:
    """The text names the path and what is wrong with it."""
    (tmp_path / "file").write_bytes(b"\x00" * 100)
    with pytest.raises(TrainingImpossible, match="neither a folder nor an mbox"):
        _subjects(tmp_path / "file")
    with pytest.raises(TrainingImpossible, match="file=LABEL"):
        _subjects(tmp_path / "file", None)
    with pytest.raises(TrainingImpossible, match="cannot be read: No such file"):
        _subjects(tmp_path / "nowhere")
    with pytest.raises(TrainingImpossible, match="cannot be read: Is a directory"):
        read_message(tmp_path)


def test_monsters_are_left_out(tmp_path: Path) -> None:
    """A message above 16 MiB is large by its attachments; of others nothing is lost."""
    monster = b"Subject: Monster\n\n" + b"x" * (17 * 1024 * 1024) + b"\n\n"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "1").write_bytes(monster)
    (tmp_path / "folder" / "2").write_bytes(_MAIL % 2)
    head = b"From a@example.org Mon Jan  5 10:00:00 2026\n"
    (tmp_path / "box").write_bytes(head + monster + head + _MAIL % 2)
    assert _subjects(tmp_path / "folder") == ["Number 2"]
    assert _subjects(tmp_path / "box") == ["Number 2"]
