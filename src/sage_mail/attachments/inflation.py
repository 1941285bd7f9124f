"""Compressed streams read to a limit and thrown away: how much would come out of them."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Final, Protocol

__all__ = ["MOST_INFLATED", "Inflated"]

#: Reading ends here: by then a bomb has shown its ratio, in half a second.
MOST_INFLATED: Final = 256 * 1024 * 1024
_PORTION: Final = 256 * 1024
# The dictionary of `xz -9` takes 65 MiB.
_LZMA_MEMORY: Final = 128 * 1024 * 1024


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Gzip:
    """The decompressor of zlib in the shape of the other two."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


_KINDS: Final[dict[str, Callable[[], _Decompressor]]] = {
    "application/gzip": _Gzip,
    "application/x-bzip2": bz2.BZ2Decompressor,
    "application/x-xz": lambda: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY),
}


class Inflated(io.RawIOBase):
    """The octets that come out of a compressed stream, at most `MOST_INFLATED` of them.

    ``count`` is how many came out so far; ``limited`` is True when there were more, ``torn`` when
    the stream ends before its end. Members that follow each other are read as one stream (RFC 1952
    section 2.2). Broken input raises OSError. *watch* is called when more has come out.
    """

    def __init__(
        self, data: bytes, media_type: str, watch: Callable[[], object] | None = None
    ) -> None:
        super().__init__()
        self._watch = watch
        self._new = _KINDS[media_type]
        self._inner = self._new()
        self._input = memoryview(data)
        self._at = 0
        self.count = 0
        self.limited = False
        self.torn = False

    @staticmethod
    def knows(media_type: str | None) -> bool:
        """True for the types that can be read."""
        return media_type in _KINDS

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Up to *size* octets; none at the end or at the limit."""
        wanted = _PORTION if size < 0 else min(size, _PORTION)
        while wanted:
            if self.count >= MOST_INFLATED:
                self.limited = True
                return b""
            if self._inner.eof and not self._next_member():
                return b""
            portion = self._portion(wanted)
            if portion is None:
                return b""
            if portion:
                self.count += len(portion)
                if self._watch is not None:
                    self._watch()
                return portion
        return b""

    @property
    def consumed(self) -> int:
        """How many octets of the input have been used so far."""
        return self._at

    def drain(self) -> None:
        """Read to the end or the limit."""
        while self.read():
            pass

    def _portion(self, wanted: int) -> bytes | None:
        """What comes out next, perhaps nothing yet; None where the input has come to its end."""
        chunk = b""
        hungry = self._inner.needs_input
        if hungry:
            chunk = bytes(self._input[self._at : self._at + _PORTION])
            self._at += len(chunk)
        try:
            portion = self._inner.decompress(chunk, wanted)
        except (zlib.error, lzma.LZMAError, ValueError) as error:
            raise OSError("it is no valid stream") from error
        if not portion and hungry and not chunk and not self._inner.eof:
            self.torn = True
            return None
        return portion

    def _next_member(self) -> bool:
        rest = self._inner.unused_data
        self._at -= len(rest)
        self._inner = self._new()
        # What follows a member and is none is padding.
        return self._at < len(self._input) and bool(bytes(self._input[self._at :][:1]).strip(b"\0"))
