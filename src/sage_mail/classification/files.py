"""Labelled mail in files: a directory of messages, a Maildir, an mbox file.

``read_labelled(path, label)`` gives all of it one label; without a label each folder directly below
the path is one, by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from sage_imap.models.email import EmailMessage
from sage_mail.classification.dataset import Labelled
from sage_mail.errors import TrainingImpossible

__all__ = ["read_labelled", "read_message"]

# Larger messages are large by their attachments, of which nothing is learnt.
_MOST_OCTETS: Final = 16 * 1024 * 1024
_MAILDIR: Final = ("cur", "new")
# "From sender date", the line that begins a message (RFC 4155), and its quoting within a body.
_SEPARATOR: Final = re.compile(rb"^From \S+ .*\d", re.DOTALL)
_QUOTED: Final = re.compile(rb"^>(>*From )")


def read_labelled(path: Path, label: str | None) -> Iterator[Labelled]:
    """The messages below the path; those that are larger than 16 MiB are left out.

    Raises:
        TrainingImpossible: there is nothing at the path, or it cannot be read.
    """
    try:
        if label is not None:
            yield from _labelled(path, label, path.name)
        elif _is_maildir(path):
            raise TrainingImpossible(f"{path} is a Maildir: add =LABEL, as in {path}=sales")
        elif path.is_dir():
            for folder in sorted(entry for entry in path.iterdir() if entry.is_dir()):
                yield from _labelled(folder, folder.name, f"{path.name}/{folder.name}")
        else:
            raise TrainingImpossible(f"{path} is no folder of labels; write {path}=LABEL")
    except OSError as error:
        raise TrainingImpossible(f"{path} cannot be read: {error.strerror}") from error


def read_message(path: Path) -> EmailMessage:
    """The message in the file.

    Raises:
        TrainingImpossible: there is none, or it cannot be read.
    """
    try:
        return EmailMessage.from_bytes(path.read_bytes())
    except OSError as error:
        raise TrainingImpossible(f"{path} cannot be read: {error.strerror}") from error


def _labelled(path: Path, label: str, source: str) -> Iterator[Labelled]:
    for raw in _octets(path):
        yield Labelled(EmailMessage.from_bytes(raw), label, source)


def _octets(path: Path) -> Iterator[bytes]:
    if path.is_dir():
        for file in _files(path):
            if file.stat().st_size <= _MOST_OCTETS:
                yield file.read_bytes()
    else:
        with path.open("rb") as mbox:
            yield from _mbox(mbox, path)


def _files(folder: Path) -> Iterator[Path]:
    """The messages of a Maildir, else all files, but hidden ones and symbolic links."""
    folders = [folder / name for name in _MAILDIR] if _is_maildir(folder) else [folder]
    for file in sorted(chain.from_iterable(part.rglob("*") for part in folders)):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.is_file() and not file.is_symlink() and not hidden:
            yield file


def _is_maildir(folder: Path) -> bool:
    return all((folder / name).is_dir() for name in _MAILDIR)


def _mbox(mbox: BinaryIO, path: Path) -> Iterator[bytes]:
    """The messages one after the other; never more than one of them is in memory."""
    lines: list[bytes] | None = None
    size, blank = 0, True
    # A line may be long, but no message that is kept has more than so much.
    while line := mbox.readline(_MOST_OCTETS):
        if blank and _SEPARATOR.match(line):
            if lines is not None and size <= _MOST_OCTETS:
                yield b"".join(lines)
            lines, size = [], 0
        elif lines is None:
            raise TrainingImpossible(f"{path} is neither a folder nor an mbox file")
        else:
            size += len(line)
            if size <= _MOST_OCTETS:
                lines.append(_QUOTED.sub(rb"\1", line))
        blank = not line.strip(b"\r\n")
    if lines is not None and size <= _MOST_OCTETS:
        yield b"".join(lines)
