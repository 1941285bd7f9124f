"""APPEND (RFC 9051 section 6.3.12), with literal8 (RFC 3516) for messages that hold NUL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sage_imap.protocol.arguments import date_time, flag_list
from sage_imap.protocol.command import Command, Literal, MailboxArgument, Part

__all__ = ["append"]


def append(
    mailbox: str,
    data: bytes,
    *,
    flags: str | Iterable[str] = (),
    date: datetime | None = None,
) -> Command:
    """Add the message *data* to *mailbox*, octet by octet as it is.

    *date*, which knows its offset, becomes the internal date. A message with NUL can only be sent
    where the server offers BINARY.
    """
    listed = flag_list(flags)
    parts: list[Part] = [MailboxArgument(mailbox), b" "]
    if listed != b"()":
        parts.append(listed + b" ")
    if date is not None:
        parts.append(date_time(date) + b" ")
    parts.append(Literal(data, binary=b"\0" in data))
    return Command("APPEND", tuple(parts))
