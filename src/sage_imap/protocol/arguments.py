"""Arguments of commands: Python values to octets, checked before anything is sent.

Everything here raises `LocalProtocolError` for a value that IMAP cannot say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sage_imap.errors import LocalProtocolError
from sage_imap.protocol.sets import NumberSet

__all__ = ["atom", "date_time", "flag_list", "message_set", "number", "several_flags"]

# RFC 9051 section 9, ATOM-CHAR: printable ASCII without atom-specials.
_ATOM: Final = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_SEQUENCE: Final = re.compile(r"(?:[1-9][0-9]*|\*)(?::(?:[1-9][0-9]*|\*))?")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_LARGEST_MODSEQ: Final = (1 << 63) - 1  # RFC 7162 section 7, mod-sequence-value


def atom(value: str, what: str = "an atom") -> bytes:
    """*value* as an atom; *what* names it in the error."""
    if not isinstance(value, str):
        raise LocalProtocolError(f"{what} is a text, not {type(value).__name__}; nothing was sent")
    if not _ATOM.fullmatch(value):
        raise LocalProtocolError(f"{what} has a character that cannot be sent; nothing was sent")
    return value.encode("ascii")


def flag_list(flags: str | Iterable[str]) -> bytes:
    """*flags* in parentheses: keywords as they are, system flags with their backslash."""
    return b"(" + b" ".join(_flag(flag) for flag in several_flags(flags)) + b")"


def several_flags(flags: str | Iterable[str]) -> tuple[str, ...]:
    """*flags*, each of them a text; one text is one flag."""
    if isinstance(flags, str):
        return (flags,)
    if not isinstance(flags, Iterable) or isinstance(flags, bytes | bytearray):
        raise LocalProtocolError(
            f"flags are texts, such as [Flag.SEEN], not {type(flags).__name__}; nothing was sent"
        )
    several = tuple(flags)
    for flag in several:
        if not isinstance(flag, str):
            raise LocalProtocolError(
                f"a flag is a text, such as Flag.SEEN, not {type(flag).__name__}; nothing was sent"
            )
    return several


def _flag(flag: str) -> bytes:
    if " " in flag:
        raise LocalProtocolError(
            "a flag is one word; several are a list: [Flag.SEEN, Flag.FLAGGED]; nothing was sent"
        )
    if flag.casefold() == "\\recent":
        raise LocalProtocolError("\\Recent is the server's own flag; nothing was sent")
    if flag.startswith("\\"):
        return b"\\" + atom(flag[1:], "a flag")
    return atom(flag, "a flag")


def message_set(messages: NumberSet | str) -> bytes:
    """*messages* as a sequence-set; as text it may hold ``*``."""
    text = str(messages)
    if not all(_SEQUENCE.fullmatch(part) for part in text.split(",")):
        raise LocalProtocolError("an empty or malformed set of messages; nothing was sent")
    return text.encode("ascii")


def number(value: int, what: str) -> bytes:
    """*value* as a mod-sequence; *what* names it in the error."""
    if not isinstance(value, int) or not 0 <= value <= _LARGEST_MODSEQ:
        raise LocalProtocolError(f"{what} is no number of 63 bits; nothing was sent")
    return b"%d" % value


def date_time(moment: datetime) -> bytes:
    """*moment*, which knows its offset, as a date-time with its quotes."""
    if not isinstance(moment, datetime):
        raise LocalProtocolError(f"a date is a datetime, not {moment!r}; nothing was sent")
    offset = moment.utcoffset()
    if offset is None:
        raise LocalProtocolError("a date without an offset from UTC; nothing was sent")
    minutes = round(offset.total_seconds() / 60)
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    day = f"{moment.day:2}-{_MONTHS[moment.month - 1]}-{moment.year:04}"
    return f'"{day} {moment:%H:%M:%S} {zone}"'.encode("ascii")
