"""What recognises a message where its UID cannot: after a move, and after a UIDVALIDITY change.

A fingerprint is computed from the header as the server sends it and from RFC822.SIZE, so it can be
had without fetching a body. Message-ID alone would not do: many messages have none, and copies,
drafts and mailing lists share them.
"""

from __future__ import annotations

import hashlib

__all__ = ["fingerprint", "header_of"]


def header_of(raw: bytes) -> bytes:
    """The header of a message up to its blank line, which is left out; all of it without one."""
    if raw.startswith((b"\r\n", b"\n")):
        return b""
    ends = [
        (at, size) for mark, size in ((b"\r\n\r\n", 2), (b"\n\n", 1)) if (at := raw.find(mark)) >= 0
    ]
    if not ends:
        return raw
    at, line_end = min(ends)
    return raw[: at + line_end]


def fingerprint(header: bytes, size: int) -> str:
    """The fingerprint of a message with this header (with or without its blank line) and size.

    *size* is in octets, as RFC822.SIZE says it.
    """
    digest = hashlib.sha256(header_of(header))
    digest.update(b"\0" + str(size).encode("ascii"))
    return digest.hexdigest()
