"""Bytes to text: what a server sends is UTF-8, latin-1 or RFC 2047, and never an error.

A character set is looked up only among those that Python knows by name, since the codec registry
remembers each name that it was ever asked for; codecs that run in more than linear time or
interpret escapes are no character sets of mail.
"""

from __future__ import annotations

import re
from binascii import Error as BinasciiError
from binascii import a2b_base64, a2b_qp
from encodings.aliases import aliases
from functools import lru_cache
from typing import Final

__all__ = ["decode_charset", "decode_text", "decode_words", "decode_words_in"]

_NO_CHARSETS: Final = frozenset(
    {
        "base64_codec",
        "bz2_codec",
        "hex_codec",
        "idna",
        "mbcs",
        "oem",
        "punycode",
        "quopri_codec",
        "raw_unicode_escape",
        "rot_13",
        "undefined",
        "unicode_escape",
        "uu_codec",
        "zlib_codec",
    }
)
_BY_NAME: Final = {
    name: codec
    for name, codec in (
        *aliases.items(),
        *((codec, codec) for codec in aliases.values()),
        # Names of mailers that Python does not have, and supersets of what senders really use
        # (WHATWG Encoding Standard, section 4.2).
        ("big5", "big5hkscs"),
        ("euc_kr", "cp949"),
        ("gb2312", "gb18030"),
        ("gbk", "gb18030"),
        ("iso_8859_8_i", "iso8859_8"),
        ("ks_c_5601_1987", "cp949"),
        ("shift_jis", "cp932"),
        ("unicode_1_1_utf_7", "utf_7"),
        ("windows_874", "cp874"),
        ("x_mac_roman", "mac_roman"),
        ("x_sjis", "cp932"),
    )
    if codec not in _NO_CHARSETS
}
# The only codec that does: of it `test_text` makes sure.
_LETS_SURROGATES_THROUGH: Final = "utf_7"
_SEPARATORS: Final = re.compile(r"[^a-z0-9]+")

# RFC 2047 section 2, leniently: spaces and question marks may stand in the text. The text ends
# at the next "=?", so that a million openings without an end are read in linear time.
_WORD: Final = re.compile(
    r"=\?([^?\s]{1,64}+)\?([bBqQ])\?((?>(?:[^?=]++|\?(?!=)|=(?!\?(?!=)))*))\?="
)
_LINE_ENDS: Final = re.compile(r"[ \t]*[\r\n]+[ \t]*")


def decode_text(raw: bytes) -> str:
    """*raw* as UTF-8, or as latin-1 where it is not UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@lru_cache(maxsize=256)
def _codec(charset: str) -> str | None:
    return _BY_NAME.get(_SEPARATORS.sub("_", charset.lower()).strip("_"))


def decode_charset(raw: bytes, charset: str) -> str:
    """*raw* in *charset*; one that is unknown or does not fit is read as by `decode_text`."""
    codec = _codec(charset)
    if codec is None or codec == "ascii":
        return decode_text(raw)
    text = _decode(raw, codec)
    return _without_surrogates(text) if codec == _LETS_SURROGATES_THROUGH else text


def _decode(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec)
    except LookupError:  # Python has names for codecs that it does not have everywhere
        return decode_text(raw)
    except UnicodeError:
        pass
    if not raw.isascii():
        try:
            return raw.decode()
        except UnicodeDecodeError:
            pass
    return raw.decode(codec, "replace")


def _without_surrogates(text: str) -> str:
    """*text* as valid Unicode: a lone surrogate becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def decode_words(raw: bytes) -> str:
    """*raw* as one line of text with its encoded-words decoded (RFC 2047 section 6.2).

    White space between two encoded-words vanishes, and neighbours of one character set are
    joined before they are decoded, since many mailers cut characters in two.
    """
    return decode_words_in(decode_text(raw))


def decode_words_in(text: str) -> str:
    """*text* as `decode_words` gives it, where its octets are decoded already."""
    if "=?" in text:
        text = _decode_words(text)
    if "\n" in text or "\r" in text:
        text = _LINE_ENDS.sub(" ", text)
    return text


def _decode_words(text: str) -> str:
    # What stands before the first word; then for each: charset, encoding, payload, what follows.
    pieces = _WORD.split(text)
    done: list[str] = []
    pending: list[bytes] = []
    charset = ""
    for at in range(1, len(pieces), 4):
        between = pieces[at - 1]
        name = pieces[at].partition("*")[0].lower()  # RFC 2231 section 5 adds a language
        adjacent = bool(charset) and (not between or between.isspace())
        if charset and not (adjacent and name == charset):
            done.append(decode_charset(b"".join(pending), charset))
            pending = []
        if not adjacent:
            done.append(between)
        pending.append(_word_bytes(pieces[at + 1], pieces[at + 2]))
        charset = name
    if charset:
        done.append(decode_charset(b"".join(pending), charset))
    done.append(pieces[-1])
    return "".join(done)


def _word_bytes(encoding: str, payload: str) -> bytes:
    raw = payload.encode()
    if encoding in "qQ":
        return a2b_qp(raw, header=True)
    try:
        return a2b_base64(raw)
    except BinasciiError:
        pass
    for padding in (b"===", b""):
        try:
            return a2b_base64(raw + padding)
        except BinasciiError:
            continue
    return _truncated_base64(raw)


def _truncated_base64(raw: bytes) -> bytes:
    digits = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    return a2b_base64(digits[: len(digits) // 4 * 4])
