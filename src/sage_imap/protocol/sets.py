"""Sets of UIDs and of sequence numbers, as ranges.

A set is kept as sorted, disjoint, inclusive ranges, so that a million consecutive UIDs cost as
much as one. UIDs and sequence numbers are never mixed: `UIDSet` and `SequenceSet` are distinct
types. ``*`` is no member of a set but an instruction to the server, so it is not parsed here.

Source: RFC 9051 section 9, ``sequence-set`` and ``uid-set``; both are lists of 32-bit numbers,
but servers send larger ones and Python does not mind.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import ClassVar, Self

__all__ = ["NumberSet", "Range", "SequenceSet", "UIDSet"]

Range = tuple[int, int]


def _normalise(ranges: Iterable[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for low, high in sorted((a, b) if a <= b else (b, a) for a, b in ranges):
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


class NumberSet:
    """An immutable set of positive numbers; use `UIDSet` or `SequenceSet`."""

    __slots__ = ("_size", "_starts", "ranges")
    kind: ClassVar[str] = "number"

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self.ranges = _normalise(ranges)
        if self.ranges and self.ranges[0][0] < 1:
            raise ValueError(f"a {self.kind} is a positive number")
        self._starts: list[int] | None = None
        self._size: int | None = None

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Self:
        """The set of *numbers*, in any order, repeated or not; octets are none."""
        if isinstance(numbers, bytes | bytearray | memoryview):
            raise TypeError(f"octets are no {cls.kind}s: parse() reads what is text")
        return cls((n, n) for n in numbers)

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """The set that *text* (``1:3,7``) stands for; an empty text is the empty set.

        Raises `ValueError` where *text* is anything else, ``*`` included.
        """
        if isinstance(text, bytes):
            text = text.decode("ascii", "replace")
        return cls(_parse_range(part) for part in text.split(",") if part) if text else cls()

    def __len__(self) -> int:
        if self._size is None:
            self._size = sum(high - low + 1 for low, high in self.ranges)
        return self._size

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __iter__(self) -> Iterator[int]:
        for low, high in self.ranges:
            yield from range(low, high + 1)

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int) or not self.ranges:
            return False
        low, high = self.range_of(number)
        return low <= number <= high

    def range_of(self, number: int) -> Range:
        """The last range that begins at or before *number*, which may lie behind it; or (1, 0)."""
        if self._starts is None:
            self._starts = [low for low, _ in self.ranges]
        index = bisect_right(self._starts, number) - 1
        return self.ranges[index] if index >= 0 else (1, 0)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.ranges == other.ranges

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.ranges))

    def __or__(self, other: Self) -> Self:
        return type(self)(self.ranges + other.ranges)

    def __and__(self, other: Self) -> Self:
        return type(self)(_intersect(self.ranges, other.ranges))

    def __sub__(self, other: Self) -> Self:
        return type(self)(_subtract(self.ranges, other.ranges))

    def __str__(self) -> str:
        return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in self.ranges)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    @property
    def max(self) -> int:
        """The largest member; `ValueError` on the empty set."""
        if not self.ranges:
            raise ValueError("the empty set has no largest member")
        return self.ranges[-1][1]

    def split(self, *, most_ids: int, most_bytes: int = 8000) -> Iterator[Self]:
        """Parts in ascending order, each of at most *most_ids* members and *most_bytes* of text."""
        part: list[Range] = []
        count = length = 0
        for low, high in self.ranges:
            while low <= high:
                size = len(f"{low}," if low == high else f"{low}:{high},")
                if part and (count >= most_ids or length + size > most_bytes):
                    yield type(self)(part)
                    part, count, length = [], 0, 0
                end = min(high, low + most_ids - count - 1)
                part.append((low, end))
                count += end - low + 1
                length += size
                low = end + 1
        if part:
            yield type(self)(part)


class UIDSet(NumberSet):
    """UIDs of one mailbox under one UIDVALIDITY."""

    __slots__ = ()
    kind = "UID"


class SequenceSet(NumberSet):
    """Message sequence numbers, valid only until the next EXPUNGE."""

    __slots__ = ()
    kind = "sequence number"


def _parse_range(part: str) -> Range:
    low, colon, high = part.partition(":")
    if (
        not low.isascii()
        or not low.isdigit()
        or (colon and not (high.isascii() and high.isdigit()))
    ):
        raise ValueError(f"{part!r} is no number and no range of numbers")
    return int(low), int(high) if colon else int(low)


def _intersect(left: tuple[Range, ...], right: tuple[Range, ...]) -> Iterator[Range]:
    i = j = 0
    while i < len(left) and j < len(right):
        low, high = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if low <= high:
            yield low, high
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1


def _subtract(left: tuple[Range, ...], right: tuple[Range, ...]) -> Iterator[Range]:
    j = 0
    for low, high in left:
        start = low
        while j < len(right) and right[j][1] < low:
            j += 1
        k = j
        while k < len(right) and right[k][0] <= high:
            if right[k][0] > start:
                yield start, right[k][0] - 1
            start = max(start, right[k][1] + 1)
            k += 1
        if start <= high:
            yield start, high
