"""Octets of the same length and shape that say nothing.

Letters become letters, digits digits, and what structure hangs on stays: punctuation, escapes,
encoded-words with their charset, modified UTF-7 and UTF-8, valid or not.
"""

from __future__ import annotations

import re
import string
from binascii import Error as BinasciiError
from binascii import a2b_base64, b2a_base64
from typing import Final

from sage_imap.testing.known import CHARSET

__all__ = ["Masker"]

_BLANK: Final = bytes.maketrans(
    (string.ascii_uppercase + string.ascii_lowercase + string.digits).encode(),
    b"X" * 26 + b"x" * 26 + b"1" * 10,
)
_BEYOND_ASCII: Final = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]"
    rb"|(?:\xe0[\xa0-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]|\xed[\x80-\x9f])[\x80-\xbf]"
    rb"|(?:\xf0[\x90-\xbf]|[\xf1-\xf3][\x80-\xbf]|\xf4[\x80-\x8f])[\x80-\xbf]{2}"
    rb"|[\x80-\xff]"
)
# One octet alone is no UTF-8, and stays none; the others are characters of as many octets.
_NEUTRAL: Final = {1: b"\xe9", 2: "é".encode(), 3: "€".encode(), 4: "😀".encode()}
_CODED: Final = re.compile(
    rb"=\?(?P<charset>[^?\s\"]+)\?(?P<way>[BbQq])\?(?P<coded>[^?]*)\?=|%[0-9A-Fa-f]{2}"
)
_EXTENDED: Final = re.compile(rb"([A-Za-z0-9_-]+)'[A-Za-z0-9-]*'")  # RFC 2231
_HEX: Final = re.compile(rb"=[0-9A-Fa-f]{2}")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]")
_THREE_LETTERS: Final = b"eHh4"  # "xxx"
_LAST_LETTERS: Final = {0: b"", 1: b"e", 2: b"eA", 3: b"eHg"}  # the tail of the same, cut short
_NAME_PART: Final = re.compile(rb"&[A-Za-z0-9+,]*-|[A-Za-z]+|[0-9]+|[\x80-\xff]+")
_INBOX: Final = re.compile(rb"INBOX(?![A-Za-z0-9&\x80-\xff])", re.IGNORECASE)
# U+00E0 to U+00F6: small letters, each of one unit in UTF-16.
_FIRST_LETTER: Final = 0xE0
_LETTERS: Final = 23


class Masker:
    """Masks strings, and counts those that it changed in ``count``.

    Names of mailboxes keep apart what was apart: equal words of them become equal words.
    """

    def __init__(self) -> None:
        self.count = 0
        self._words: dict[bytes, bytes] = {}
        self._used: dict[tuple[str, int], int] = {}

    def text(self, octets: bytes) -> bytes:
        """Any string, masked without regard to what it says."""
        extended = _EXTENDED.match(octets)
        end = extended.end(1) if extended and CHARSET.fullmatch(extended[1]) else 0
        pieces = [octets[:end]]
        for found in _CODED.finditer(octets, end):
            pieces += (_blank(octets[end : found.start()]), _coded(found))
            end = found.end()
        return self._counted(octets, b"".join((*pieces, _blank(octets[end:]))))

    def name(self, octets: bytes) -> bytes:
        """The name of a mailbox: INBOX, the delimiters and the encoding stay."""
        inbox = _INBOX.match(octets)
        kept = inbox.end() if inbox else 0
        masked = _NAME_PART.sub(lambda found: self._word(found[0]), octets[kept:])
        return self._counted(octets, octets[:kept] + masked)

    def _counted(self, before: bytes, after: bytes) -> bytes:
        self.count += before != after
        return after

    def _word(self, word: bytes) -> bytes:
        if word == b"&-" or word[0] >= 0x80:
            return _blank(word)
        known = self._words.get(word)
        if known is None:
            known = self._words[word] = self._fresh(word)
        return known

    def _fresh(self, word: bytes) -> bytes:
        """A word of the same shape as *word* that stands for no other, if there are so many."""
        units = _utf16_units(word)
        kind = "letters" if word.isalpha() else "digits" if word.isdigit() else f"utf-16 {units}"
        if not units and word[:1] == b"&":
            return _blank(word)
        fresh = word
        while fresh.lower() == word.lower():
            number = self._used[kind, len(word)] = self._used.get((kind, len(word)), -1) + 1
            if units:
                fresh = _shifted(number, units)
            elif kind == "digits":
                fresh = _numbered(number, len(word), "1", string.digits[1:])
            else:
                fresh = _numbered(number, len(word), "x", string.ascii_lowercase)
        if not units:
            fresh = bytes(
                new - 32 * (65 <= old <= 90) for new, old in zip(fresh, word, strict=True)
            )
        return fresh


def _blank(octets: bytes) -> bytes:
    masked = octets.translate(_BLANK)
    if masked.isascii():
        return masked
    return _BEYOND_ASCII.sub(lambda found: _NEUTRAL[len(found[0])], masked)


def _coded(found: re.Match[bytes]) -> bytes:
    """An encoded-word (RFC 2047) or an octet in per cent (RFC 2231), saying only the letter x."""
    if found["coded"] is None:
        return b"%78"
    charset, way, coded = found["charset"], found["way"], found["coded"]
    if not CHARSET.fullmatch(charset):
        charset = _blank(charset)
    said = _base64(coded) if way in b"Bb" else _quoted_printable(coded)
    return b"=?" + charset + b"?" + way + b"?" + said + b"?="


def _base64(coded: bytes) -> bytes:
    letters = len(_BASE64.findall(coded))
    rest = letters % 4
    neutral = iter(_THREE_LETTERS * (letters // 4) + _LAST_LETTERS[rest])
    return _BASE64.sub(lambda _: bytes((next(neutral),)), coded)


def _quoted_printable(coded: bytes) -> bytes:
    pieces: list[bytes] = []
    end = 0
    for found in _HEX.finditer(coded):
        pieces += (_blank(coded[end : found.start()]), b"=78")
        end = found.end()
    return b"".join((*pieces, _blank(coded[end:])))


def _numbered(number: int, length: int, filler: str, digits: str) -> bytes:
    """*number*, written with *digits* at the end of so many *filler*; it begins anew if need be."""
    text = ""
    while len(text) < length and (number or not text):
        number, digit = divmod(number, len(digits))
        text = digits[digit] + text
    return text.rjust(length, filler).encode()


def _utf16_units(word: bytes) -> int:
    """How many units of UTF-16 *word* holds, if it is valid modified UTF-7; else 0."""
    encoded = word[1:-1].replace(b",", b"/")
    try:
        units = a2b_base64(encoded + b"=" * (-len(encoded) % 4))
        units.decode("utf-16-be")
    except (BinasciiError, UnicodeDecodeError):
        return 0
    return (
        len(units) // 2
        if word[:1] == b"&" and len(_shifted(0, len(units) // 2)) == len(word)
        else 0
    )


def _shifted(number: int, units: int) -> bytes:
    """*number* in modified UTF-7, as so many letters."""
    text = ""
    for _ in range(units):
        number, letter = divmod(number, _LETTERS)
        text = chr(_FIRST_LETTER + letter) + text
    encoded = b2a_base64(text.encode("utf-16-be"), newline=False).rstrip(b"=")
    return b"&" + encoded.replace(b"/", b",") + b"-"
