"""Mailbox names between text and the wire, without loss either way.

RFC 3501 section 5.1.3 (modified UTF-7) for IMAP4rev1, UTF-8 once UTF8=ACCEPT or IMAP4rev2 is in
force (RFC 6855, RFC 9051 section 5.1). Servers also hold names that are neither, such as
``Fish & Chips`` or raw UTF-8; their text is the obvious one, which encodes to other octets, so it
comes as a `RawName` that remembers those of the server.
"""

from __future__ import annotations

import re
from binascii import Error as BinasciiError
from binascii import a2b_base64, b2a_base64
from typing import Final

__all__ = ["RawName", "decode_name", "decode_utf7", "encode_name", "encode_utf7"]

_SHIFTED: Final = re.compile(r"&([A-Za-z0-9+,]*)-")
_NOT_DIRECT: Final = re.compile(r"&|[^\x20-\x7e]+")


class RawName(str):
    """A mailbox name whose text does not encode to what the server calls it.

    It is the text for people; ``raw`` is the server's name for it, which is what is sent back.
    """

    __slots__ = ("raw",)
    raw: bytes

    def __new__(cls, text: str, raw: bytes) -> RawName:
        """A name that reads *text* and is sent as *raw*."""
        self = super().__new__(cls, text)
        self.raw = raw
        return self

    def __getnewargs__(self) -> tuple[str, bytes]:  # type: ignore[override]  # one more than str
        return str(self), self.raw


def encode_utf7(name: str) -> bytes:
    """*name* in modified UTF-7; a `RawName` as the server calls it.

    Raises `ValueError` where *name* holds half a surrogate pair, which has no encoding.
    """
    if isinstance(name, RawName):
        return name.raw
    return _NOT_DIRECT.sub(lambda found: _shift(found[0]), name).encode("ascii")


def decode_utf7(raw: bytes) -> str:
    """The text of a name in modified UTF-7.

    `encode_utf7` makes *raw* of it again: what is no modified UTF-7, or not in its one valid form,
    comes as a `RawName`. Never raises.
    """
    text = _SHIFTED.sub(_unshift, _decode_leniently(raw))
    return text if encode_utf7(text) == raw else RawName(text, raw)


def encode_name(name: str, *, utf8: bool) -> bytes:
    """*name* as it is sent: in UTF-8 if *utf8*, else in modified UTF-7.

    Raises `ValueError` where *name* holds half a surrogate pair.
    """
    if not utf8:
        return encode_utf7(name)
    return name.raw if isinstance(name, RawName) else name.encode()


def decode_name(raw: bytes, *, utf8: bool) -> str:
    """The text of a name as the server sent it; `encode_name` makes *raw* of it again."""
    if not utf8:
        return decode_utf7(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return RawName(raw.decode("latin-1"), raw)


def _shift(text: str) -> str:
    if text == "&":
        return "&-"
    encoded = b2a_base64(text.encode("utf-16-be"), newline=False)
    return "&" + encoded.rstrip(b"=").replace(b"/", b",").decode("ascii") + "-"


def _unshift(found: re.Match[str]) -> str:
    encoded = found[1]
    if not encoded:
        return "&"
    padding = "=" * (-len(encoded) % 4)
    try:
        return a2b_base64(encoded.replace(",", "/") + padding).decode("utf-16-be")
    except (BinasciiError, UnicodeDecodeError):
        return found[0]


def _decode_leniently(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
