"""A part of a message that is not its text."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from sage_imap.models.filenames import numbered, safe_filename
from sage_imap.models.lazy import lazy
from sage_imap.models.mime import Part

__all__ = ["Attachment"]

# Of the system, so that a text is not written with other line ends than it came with, and a
# symbolic link that waits under the name is not followed.
_NEW_FILE: Final = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
)


class Attachment:
    """A part of a message that is not its text; nothing is decoded until it is asked for."""

    def __init__(self, part: Part) -> None:
        self._part = part

    @property
    def filename(self) -> str:
        """The decoded name that the sender gave, empty where there is none; never a path to use."""
        return self._part.filename

    @property
    def content_type(self) -> str:
        """The type in lower case, as the sender gave it: ``application/pdf``."""
        return self._part.content_type

    @property
    def disposition(self) -> str:
        """``attachment``, ``inline``, another word, or empty where the part does not say."""
        return self._part.disposition[0]

    @lazy
    def content_id(self) -> str | None:
        """The Content-ID without its angle brackets, None where there is none."""
        raw = self._part.field(b"content-id").strip().strip(b"<>").strip()
        return raw.decode("utf-8", "replace") or None

    @lazy
    def content(self) -> bytes:
        """The octets without their transfer encoding, decoded once."""
        return self._part.content()

    @property
    def payload(self) -> bytes:
        """Another name of `content`."""
        return self.content

    @property
    def size(self) -> int:
        """The length of `content` in octets."""
        return len(self.content)

    @lazy
    def sha256(self) -> str:
        """The SHA-256 of `content`, in lower-case hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def is_inline(self) -> bool:
        """Whether the part is shown within the text: it says so, or the text can refer to it."""
        if self.disposition in ("inline", "attachment"):
            return self.disposition == "inline"
        return self.content_id is not None

    @property
    def is_image(self) -> bool:
        """Whether the type is an image's; the octets are not looked at."""
        return self._part.maintype == "image"

    @property
    def is_message(self) -> bool:
        """Whether the part is a whole message (RFC 2046 section 5.2.1, RFC 6532 section 3.7)."""
        return self.content_type in ("message/rfc822", "message/global")

    def save_to_file(self, directory: str | os.PathLike[str]) -> Path:
        """Write `content` to a new file in *directory*, which must exist; the file's path.

        The name is made from `filename` and safe on every system; where it is taken, a number is
        added. No file is ever overwritten and none is written elsewhere. Raises `OSError` where
        the directory is missing or full; no partial file is left then.
        """
        folder = Path(directory)
        name = safe_filename(self.filename, self.content_type)
        content = self.content
        number = 0
        while True:
            path = folder / numbered(name, number)
            try:
                handle = os.open(path, _NEW_FILE, 0o666)
            except FileExistsError:
                number += 1
                continue
            _fill(handle, path, content)
            return path

    def __repr__(self) -> str:
        return f"Attachment({self.content_type})"


def _fill(handle: int, path: Path, content: bytes) -> None:
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
