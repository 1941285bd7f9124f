"""The central directory of a ZIP file, looked for from the end of the file as its readers do it.

So what a file begins with does not matter to them: anything else may stand before an archive.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

__all__ = ["Directory", "find_directory"]

# APPNOTE.TXT 6.3.10 sections 4.3.12 and 4.3.14 to 4.3.16.
_ENTRY: Final = b"PK\1\2"
_END: Final = b"PK\5\6"
_END_SIZE: Final = 22
_LOCATOR: Final = b"PK\6\7"
_LOCATOR_SIZE: Final = 20
_END_64: Final = b"PK\6\6"
_END_64_SIZE: Final = 56
_LONGEST_COMMENT: Final = 65_535
_ENTRY_SIZE: Final = 46


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the directory begins and ends; ``offset`` is where it says that it begins."""

    start: int
    end: int
    offset: int

    def cut(self, data: bytes, most: int) -> bytes | None:
        """The archive with its first *most* entries alone, None if it has no more."""
        at = self.start
        for _ in range(most):
            if not data.startswith(_ENTRY, at) or at + _ENTRY_SIZE > self.end:
                return None
            at += _ENTRY_SIZE + sum(struct.unpack_from("<HHH", data, at + 28))
        if at >= self.end:
            return None
        count, size = min(most, 0xFFFF), at - self.start
        end = struct.pack("<4sHHHHLLH", _END, 0, 0, count, count, size, self.offset, 0)
        return data[:at] + end


def find_directory(data: bytes) -> Directory | None:
    """The directory of the archive that the octets end with, None if there is none or no entry."""
    at = data.rfind(_END, max(0, len(data) - _END_SIZE - _LONGEST_COMMENT))
    if at < 0 or len(data) - at < _END_SIZE:
        return None
    size, offset = struct.unpack_from("<LL", data, at + 12)
    end = at
    larger = at - _LOCATOR_SIZE - _END_64_SIZE
    if data.startswith(_LOCATOR, at - _LOCATOR_SIZE) and data.startswith(_END_64, max(larger, 0)):
        size, offset = struct.unpack_from("<QQ", data, larger + 40)
        end = larger
    start = end - size
    if start < 0 or not data.startswith(_ENTRY, start):
        return None
    return Directory(start, end, min(offset, 0xFFFFFFFF))
