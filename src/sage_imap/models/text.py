"""Octets of a body to text, whatever its label says; and HTML to the text that one reads.

A label is often wrong. Text that is called ASCII is UTF-8 or windows-1252, latin-1 is
windows-1252 (WHATWG Encoding Standard, section 4.2), and nothing is ever an error.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from sage_imap.models.limits import MAX_PREVIEW_SOURCE
from sage_imap.protocol.grammar.text import decode_charset

__all__ = ["decode_body", "html_to_text", "preview"]

_LATIN: Final = frozenset({"iso-8859-1", "iso_8859-1", "latin1", "latin-1", "iso8859-1", "l1"})
_ASCII: Final = frozenset({"", "us-ascii", "ascii", "7bit", "8bit", "unknown", "x-unknown"})
_UTF8: Final = frozenset({"utf-8", "utf8"})
_USUAL: Final = _LATIN | _ASCII | _UTF8
# In these, as in the usual ones, the octets CR and LF are line ends wherever they stand.
_ONE_OCTET: Final = ("iso-8859-", "koi8-", "windows-125")
# A preview is mostly found in the first of these.
_PIECE: Final = 4096
_SPACE: Final = re.compile(r"\s+")
_HIDDEN: Final = frozenset({"head", "script", "style", "template", "title"})
_BREAKS: Final = frozenset(
    {"blockquote", "br", "dd", "div", "dt", "h1", "h2", "h3", "h4", "h5", "h6"}
    | {"hr", "li", "ol", "p", "pre", "table", "td", "th", "tr", "ul"}
)


def decode_body(raw: bytes, charset: str, warnings: list[str]) -> str:
    """*raw* as text with line ends as ``\\n``; a warning is added where *charset* did not fit."""
    charset = charset.strip().lower()
    if b"\r" in raw and (charset in _USUAL or charset.startswith(_ONE_OCTET)):
        raw = _without_returns(raw)
    text = _decode(raw, charset, warnings)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            text = text.replace("\r", "\n")
    return text


def _without_returns(raw: bytes) -> bytes:
    """*raw* with ``\\n`` for all its CRLF, or as it is where CR or LF stands alone, too.

    Single octets are replaced four times as fast as pairs of characters.
    """
    flat = raw.replace(b"\r", b"")
    return flat if flat.replace(b"\n", b"\r\n") == raw else raw


def _decode(raw: bytes, charset: str, warnings: list[str]) -> str:
    if charset in _USUAL and raw.isascii():
        return raw.decode("ascii")
    if charset in _LATIN:
        return _windows_1252(raw)
    if charset in _UTF8 or charset in _ASCII:
        return _unicode(raw, charset, warnings)
    text = decode_charset(raw, charset)
    if "\ufffd" in text:
        warnings.append("charset: the label does not fit the text")
    return text


def _unicode(raw: bytes, charset: str, warnings: list[str]) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        warnings.append("charset: the label does not fit the text")
    else:
        if charset not in _UTF8 and charset:
            warnings.append("charset: called ASCII, read as UTF-8")
        return text
    # Text cut in the middle of a character is UTF-8 all the same; text without a single
    # whole character beyond ASCII never was.
    text = raw.decode("utf-8", "replace")
    return text if not text.replace("\ufffd", "").isascii() else _windows_1252(raw)


def _windows_1252(raw: bytes) -> str:
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:  # five octets stand for nothing there
        return raw.decode("latin-1")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in _BREAKS:
            self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN and self._hidden:
            self._hidden -= 1
        elif tag in _BREAKS:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def html_to_text(html: str, enough: int = MAX_PREVIEW_SOURCE) -> str:
    """The words of *html* on one line, without tags, scripts and styles; the first 64 K of it.

    Reading ends where there are more than *enough* characters.
    """
    reader = _Reader()
    text = ""
    for start in range(0, min(len(html), MAX_PREVIEW_SOURCE), _PIECE):
        reader.feed(html[start : min(start + _PIECE, MAX_PREVIEW_SOURCE)])
        text = _SPACE.sub(" ", "".join(reader.words)).strip()
        if len(text) > enough:
            break
    return text


def preview(plain: str, html: str, length: int) -> str:
    """At most *length* characters on one line: of *plain*, or of *html* where that is blank."""
    text = _SPACE.sub(" ", plain[:MAX_PREVIEW_SOURCE]).strip()
    if not text and html:
        text = html_to_text(html, max(length, 0))
    if len(text) <= length:
        return text
    return text[: length - 1].rstrip() + "…" if length > 0 else ""
