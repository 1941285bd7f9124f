"""The parts of a message: where each begins and ends in its octets; nothing is decoded here.

The laws: a part is a slice of the message and costs no copy; every octet that is no boundary,
preamble or epilogue belongs to a part; a multipart that cannot be taken apart is text. No
compiled parser searches the octets: the best one loses the structure of one message in thirty of
the corpora (prefixes of boundaries, bare CR, text after the last part), without a word.

Source: RFC 2046 section 5.1; a boundary of an outer multipart ends the inner ones.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sage_imap.models.headers import Headers, split_header
from sage_imap.models.lazy import lazy
from sage_imap.models.limits import MAX_BOUNDARIES, MAX_DEPTH, MAX_PARTS
from sage_imap.models.parameters import Parameters, read_parameters
from sage_imap.models.transfer import decode_transfer

__all__ = ["Part", "read_parts"]

_CONTENT_TYPE: Final = re.compile(r"[^\s/;()<>@,:\\\"\[\]?=]+/[^\s/;()<>@,:\\\"\[\]?=]+")
_LINE_END: Final = re.compile(rb"[ \t]*(?:\r?\n|\r?\Z)")
_LIKELY_BOUNDARY: Final = re.compile(
    rb"^--([^\s-][^\r\n]{0,69}?|-{1,40}[^\s-][^\r\n]{0,69}?)[ \t]*\r?\nContent-[A-Za-z-]{2,20}:",
    re.MULTILINE | re.IGNORECASE,
)
_LONGEST_CACHED: Final = 128  # octets
_Span = tuple[int, int]


class Part:
    """One part: its header, what it says, its place in the message, and its children."""

    def __init__(self, raw: bytes, headers: Headers, start: int, end: int) -> None:
        self.raw = raw
        self.headers = headers
        self.start = start
        self.end = end
        self.children: list[Part] = []
        self.warnings: list[str] = []
        self.content_type = "text/plain"
        self.parameters: Parameters = {}
        field = headers.first(b"content-type")
        if not field:
            return
        recurs = len(field) <= _LONGEST_CACHED and b"oundary" not in field
        found = _cached_type(field) if recurs else _content_type(field)
        if found is not None:
            self.content_type, self.parameters = found

    def field(self, name: bytes) -> bytes:
        """The first field of *name* (in lower case) as it came, empty where there is none."""
        return self.headers.first(name)

    def as_default(self, content_type: str) -> None:
        """Count the part as *content_type* unless it says itself what it is."""
        if not self.field(b"content-type").strip():
            self.content_type = content_type

    @property
    def maintype(self) -> str:
        """``text`` of ``text/plain``."""
        return self.content_type.partition("/")[0]

    @lazy
    def disposition(self) -> tuple[str, Parameters]:
        """The value of Content-Disposition, empty where there is none, and its parameters."""
        return read_parameters(self.field(b"content-disposition"))

    @lazy
    def filename(self) -> str:
        """The name that the sender gave, empty where there is none; never to be used as a path."""
        return self.disposition[1].get("filename") or self.parameters.get("name", "")

    def content(self) -> bytes:
        """The octets without their transfer encoding; what was odd goes to `warnings`."""
        encoding = self.headers.first(b"content-transfer-encoding")
        return decode_transfer(self.raw, self.start, self.end, encoding, self.warnings)

    def leaves(self) -> list[Part]:
        """The parts without children, in the order of the message."""
        if not self.children:
            return [self]
        found: list[Part] = []
        for child in self.children:
            if child.children:
                found += child.leaves()
            else:
                found.append(child)
        return found


def _content_type(field: bytes) -> tuple[str, Parameters] | None:
    """The type that a part says it has, and its parameters; None where it says none."""
    value, parameters = read_parameters(field)
    if _CONTENT_TYPE.fullmatch(value):
        return value, parameters
    if not field.strip():
        return None
    value = re.sub(r"\([^()]*\)", "", value).strip()
    # What is no type is plain text (RFC 2045 section 5.2).
    return value if _CONTENT_TYPE.fullmatch(value) else "text/plain", parameters


# The types of texts recur, boundaries do not; an entry holds about 1 KiB at most, is shared by all
# parts that say the same, and is not to be changed.
_cached_type = lru_cache(maxsize=512)(_content_type)


def read_parts(raw: bytes, headers: Headers, start: int) -> Part:
    """The tree of parts of the message *raw*, whose body begins at *start*."""
    root = Part(raw, headers, start, len(raw))
    parts = 1
    level = [root]
    for _ in range(MAX_DEPTH):
        below: list[Part] = []
        for part in level:
            if part.content_type.startswith("multipart/"):
                parts += _take_apart(part, MAX_PARTS - parts)
                below += part.children
        level = below
        if not level:
            return root
    for part in level:
        if part.maintype == "multipart":
            _as_text(part, "structure: it is nested deeper than is read")
    return root


def _take_apart(part: Part, room: int) -> int:
    """Give *part* at most *room* children; their number."""
    boundary = part.parameters.get("boundary", "").encode("utf-8", "replace").rstrip()
    spans = _spans(part, boundary, room) if boundary else []
    if not spans:
        guess = _LIKELY_BOUNDARY.search(part.raw, part.start, part.end)
        if guess is not None:
            part.warnings.append("structure: the boundary is not the one that was announced")
            spans = _spans(part, guess[1], room)
    if not spans:
        _as_text(part, "structure: a multipart whose parts cannot be found was read as text")
        return 0
    default = "message/rfc822" if part.content_type == "multipart/digest" else ""
    raw, warnings = part.raw, part.warnings
    for start, end in spans:
        headers, body = split_header(raw, start, end, warnings)
        child = Part(raw, headers, body if body < end else end, end)
        if default:
            child.as_default(default)
        part.children.append(child)
    return len(spans)


def _as_text(part: Part, warning: str) -> None:
    part.warnings.append(warning)
    part.content_type = "text/plain"


def _spans(part: Part, boundary: bytes, room: int) -> list[_Span]:
    """Where the parts between the lines of *boundary* begin and end (RFC 2046 section 5.1.1)."""
    spans: list[_Span] = []
    begin = -1
    for line_start, line_end, last in _boundaries(part, boundary):
        if begin >= 0 and line_start > begin:  # two boundary lines in a row enclose nothing
            if len(spans) >= room - 1:
                part.warnings.append("structure: more parts than are read")
                break
            spans.append((begin, _before_line_end(part.raw, begin, line_start)))
        begin = line_end
        if last:
            return spans
    if begin >= 0 and begin < part.end:
        spans.append((begin, part.end))
    return spans


def _boundaries(part: Part, boundary: bytes) -> list[tuple[int, int, bool]]:
    """The lines of *boundary*: where each starts and ends, and whether it is the closing one."""
    raw, end = part.raw, part.end
    needle = b"--" + boundary
    after_line = b"\n" + needle
    position = part.start
    if not raw.startswith(needle, position):
        position = raw.find(after_line, position, end) + 1 or -1
    found: list[tuple[int, int, bool]] = []
    for _ in range(MAX_BOUNDARIES):
        if not 0 <= position < end:
            break
        after = position + len(needle)
        last = raw.startswith(b"--", after, end)
        line_end = _line_end(raw, after + 2 if last else after, end)
        if line_end:
            found.append((position, line_end, last))
            if last:
                break
        position = raw.find(after_line, after - 1, end) + 1 or -1
    return found


def _line_end(raw: bytes, position: int, end: int) -> int:
    """Where the line ends that has nothing but white space from *position* on; 0 if it has more."""
    if raw.startswith(b"\r\n", position, end):
        return position + 2
    line = _LINE_END.match(raw, position, end)
    return 0 if line is None else line.end()


def _before_line_end(raw: bytes, start: int, end: int) -> int:
    """*end* without the line end before it, which belongs to the boundary."""
    if end > start and raw[end - 1] == 0x0A:
        end -= 1
        if end > start and raw[end - 1] == 0x0D:
            end -= 1
    return end
