"""Which messages: UIDs together with the mailbox and the UIDVALIDITY that give them their meaning.

A set is immutable. It may be open (``7:*``: all from 7 on, and in any case the last message of the
mailbox, RFC 9051 section 9, ``seq-range``); an open set can be sent, joined with others and asked
for members, but it cannot be counted or listed, since only the server knows its end.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal

from sage_imap.errors import MailboxMismatch
from sage_imap.protocol.sets import UIDSet

__all__ = ["MessageSet"]

# RFC 9051 section 9: the largest nz-number. No message lies beyond it, so `4294967295:*` is
# the last message alone, whatever its UID: another way to write `*`.
_LARGEST: Final = 4294967295
# A blank beside a comma or colon means nothing; between two numbers one of them is missing.
_AROUND: Final = re.compile(r" *([,:]) *")


class MessageSet:
    """UIDs of one mailbox; ``str()`` is the form that goes on the wire.

    *uids* are a `UIDSet`, numbers in any order, or text such as ``"1:5,9"`` and ``"7:*"``. A
    *mailbox* or *uidvalidity* of None is unknown, and then not compared with that of the selected
    mailbox. Raises `ValueError` or `TypeError` where *uids* are no UIDs: octets above all, whose
    members are numbers as well, and what is above 4294967295, unless a server told it as its own.
    """

    __slots__ = ("_named", "_open_from", "mailbox", "uids", "uidvalidity")

    def __init__(
        self,
        uids: UIDSet | Iterable[int] | str = (),
        mailbox: str | None = None,
        uidvalidity: int | None = None,
    ) -> None:
        self._open_from: int | None = None
        self.mailbox = mailbox
        self.uidvalidity = uidvalidity
        self._named = not isinstance(uids, str | UIDSet)
        if isinstance(uids, str):
            uids, self._open_from = _parse(uids)
        self.uids: UIDSet = uids if isinstance(uids, UIDSet) else UIDSet.of(_checked(uids))
        """The UIDs that are known by number: all of them, unless the set is open."""

    @classmethod
    def from_uids(
        cls,
        uids: UIDSet | Iterable[int],
        mailbox: str | None = None,
        uidvalidity: int | None = None,
    ) -> MessageSet:
        """The set of *uids*, in any order, repeated or not."""
        return cls(uids, mailbox, uidvalidity)

    @classmethod
    def found(cls, uids: UIDSet, mailbox: str, uidvalidity: int | None) -> MessageSet:
        """The set of messages that a server told of."""
        found = cls(uids, mailbox, uidvalidity)
        found._named = True
        return found

    @classmethod
    def from_range(
        cls,
        first: int,
        last: int | Literal["*"] = "*",
        mailbox: str | None = None,
        uidvalidity: int | None = None,
    ) -> MessageSet:
        """The messages from UID *first* to UID *last*, both included; ``*`` is the last there is.

        As on the wire, an open range holds the last message even where its UID is below *first*.
        """
        if last == "*":
            return cls(f"{first}:*", mailbox, uidvalidity)
        low, high = _checked((first, last))
        return cls(UIDSet([(low, high)]), mailbox, uidvalidity)

    @classmethod
    def all(cls, mailbox: str | None = None, uidvalidity: int | None = None) -> MessageSet:
        """Every message: ``1:*``."""
        return cls.from_range(1, "*", mailbox, uidvalidity)

    @property
    def is_open(self) -> bool:
        """Whether the set ends with the mailbox (``*``), so that its size is not known."""
        return self._open_from is not None

    @property
    def names_each(self) -> bool:
        """Whether each UID is that of a message: given as a number, or told by the server.

        One that is not there is missed then, while most of a range may never have been.
        """
        return self._named

    @property
    def parsed_ids(self) -> list[int]:
        """The UIDs as numbers, ascending; `ValueError` for an open set."""
        return list(self._closed("listed"))

    @property
    def first(self) -> int | None:
        """The lowest UID, None for the empty set; `ValueError` for an open set."""
        uids = self._closed("asked for its first UID")
        return uids.ranges[0][0] if uids else None

    @property
    def last(self) -> int | None:
        """The highest UID, None for the empty set; `ValueError` for an open set."""
        uids = self._closed("asked for its last UID")
        return uids.max if uids else None

    def is_empty(self) -> bool:
        """Whether there is nothing in the set; an open set counts as not empty."""
        return not self

    def iter_batches(
        self, batch_size: int = 100, *, most_bytes: int | None = None
    ) -> Iterator[MessageSet]:
        """Sets of at most *batch_size* UIDs each, ascending, of the same mailbox.

        With *most_bytes* a batch also ends before its wire form gets longer than that. Raises
        `ValueError` for an open set and for a size below one.
        """
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"a batch holds at least one message, not {batch_size!r}")
        uids = self._closed("cut into batches")
        room = sys.maxsize if most_bytes is None else most_bytes
        return (self._with(part) for part in uids.split(most_ids=batch_size, most_bytes=room))

    def matches(self, mailbox: str, uidvalidity: int | None = None) -> bool:
        """Whether the UIDs may be used in *mailbox* with *uidvalidity*, as far as is known."""
        return _same_mailbox(self.mailbox, mailbox) and (
            self.uidvalidity is None or uidvalidity is None or self.uidvalidity == uidvalidity
        )

    def __len__(self) -> int:
        return len(self._closed("counted"))

    def __bool__(self) -> bool:
        return self.is_open or bool(self.uids)

    def __iter__(self) -> Iterator[int]:
        return iter(self._closed("listed"))

    def __contains__(self, uid: object) -> bool:
        if uid in self.uids:
            return True
        return self._open_from is not None and isinstance(uid, int) and uid >= self._open_from

    def __or__(self, other: MessageSet) -> MessageSet:
        if not isinstance(other, MessageSet):
            return NotImplemented
        starts = [start for start in (self._open_from, other._open_from) if start is not None]
        joined = self._joined(other, self.uids | other.uids)
        joined._open_from = min(starts, default=None)
        joined._named = self._named and other._named
        return joined

    def __and__(self, other: MessageSet) -> MessageSet:
        return self._combined(other, lambda a, b: a & b)

    def __sub__(self, other: MessageSet) -> MessageSet:
        return self._combined(other, lambda a, b: a - b)

    def __xor__(self, other: MessageSet) -> MessageSet:
        combined = self._combined(other, lambda a, b: (a - b) | (b - a))
        combined._named = self._named and other._named
        return combined

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MessageSet):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        if self._open_from is None:
            return str(self.uids)
        tail = "*" if self._open_from == _LARGEST else f"{self._open_from}:*"
        return f"{self.uids},{tail}" if self.uids else tail

    def __repr__(self) -> str:
        where = f", mailbox={self.mailbox!r}" if self.mailbox is not None else ""
        when = f", uidvalidity={self.uidvalidity}" if self.uidvalidity is not None else ""
        return f"MessageSet({str(self)!r}{where}{when})"

    def _key(self) -> tuple[object, ...]:
        return (self.uids, self._open_from, self.mailbox, self.uidvalidity)

    def _with(self, uids: UIDSet) -> MessageSet:
        part = MessageSet(uids, self.mailbox, self.uidvalidity)
        part._named = self._named
        return part

    def _closed(self, wish: str) -> UIDSet:
        if self._open_from is not None:
            raise ValueError(f"a set that ends with * cannot be {wish}: search for its UIDs first")
        return self.uids

    def _combined(
        self, other: MessageSet, combine: Callable[[UIDSet, UIDSet], UIDSet]
    ) -> MessageSet:
        if not isinstance(other, MessageSet):
            return NotImplemented
        return self._joined(other, combine(self._closed("compared"), other._closed("compared")))

    def _joined(self, other: MessageSet, uids: UIDSet) -> MessageSet:
        if other.mailbox is not None and not self.matches(other.mailbox, other.uidvalidity):
            raise MailboxMismatch("the two sets belong to different mailboxes")
        if None not in (self.uidvalidity, other.uidvalidity) and (
            self.uidvalidity != other.uidvalidity
        ):
            raise MailboxMismatch("the two sets belong to different UIDVALIDITY values")
        mailbox = other.mailbox if self.mailbox is None else self.mailbox
        validity = other.uidvalidity if self.uidvalidity is None else self.uidvalidity
        joined = MessageSet(uids, mailbox, validity)
        joined._named = self._named
        return joined


def _same_mailbox(left: str | None, right: str | None) -> bool:
    if left is None or right is None or left == right:
        return True
    return left.upper() == right.upper() == "INBOX"  # RFC 9051 section 5.1: its case is free


def _checked(uids: Iterable[int]) -> Iterator[int]:
    if isinstance(uids, bytes | bytearray | memoryview):
        raise TypeError(
            "octets are no UIDs: decode what is text, and give it with commas, as in '1:5,9'"
        )
    for uid in uids:
        if not isinstance(uid, int) or isinstance(uid, bool):
            raise TypeError(f"a UID is a number, not {type(uid).__name__}")
        yield _within(uid)


def _within(uid: int) -> int:
    if uid > _LARGEST:
        raise ValueError(f"{uid} is above the largest UID, {_LARGEST}")
    return uid


def _parse(text: str) -> tuple[UIDSet, int | None]:
    closed: list[str] = []
    starts: list[int] = []
    for part in _AROUND.sub(r"\1", text.strip()).split(","):
        if " " in part:
            raise ValueError("between UIDs stand commas, and no blanks alone: '1:5,9'")
        if "*" in part:
            starts.append(_start(part))
        else:
            closed.append(part)
    uids = UIDSet.parse(",".join(closed))
    if uids:
        _within(uids.max)
    return uids, min(starts, default=None)


def _start(part: str) -> int:
    if part in ("*", "*:*"):
        return _LARGEST
    number = part.removesuffix(":*") if part.endswith(":*") else part.removeprefix("*:")
    if not (number.isascii() and number.isdigit()) or int(number) < 1:
        raise ValueError(f"{part!r} is no range of UIDs")
    return _within(int(number))
