"""The header of a message or of a part: fields as they came, decoded when they are asked for.

Structure is read from the octets; encoded-words are decoded afterwards, so that nothing that is
encoded can pose as structure (RFC 2047 section 5). A line that is no field is skipped where known
fields follow it, and else it is where the body begins: a body is never swallowed by the header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final

from sage_imap.models.limits import MAX_FIELDS, MAX_HEADER_BYTES
from sage_imap.models.text import scrub
from sage_imap.protocol.grammar.text import decode_words

__all__ = ["Field", "Headers", "split_header"]

Field = tuple[bytes, bytes]
"""A field as it came: its name, and all that stands after the colon, line ends included."""

# White space before the colon is obsolete syntax (RFC 5322 section 4.5) and in prose more common
# than in fields: there, a name has to begin like a name.
_FIELD: Final = re.compile(
    rb"((?:[!-9;-~]++(?=:))|[A-Z][!-9;-~]++(?=[ \t]))[ \t]*+:([^\n]*+(?>(?:\n[ \t][^\n]*+)*)\n?)"
)
_PLAIN_FIELD: Final = re.compile(rb"([!-9;-~]++):([^\n]*+(?>(?:\n[ \t][^\n]*+)*)\n?)")
_LINE: Final = re.compile(rb"[^\n]*+\n|[^\n]++")
_RAW_WORD: Final = re.compile(rb"=\?[^?\s]{1,64}\?[qQ]\?[^?]*+\?=")
# What may follow a line that is no field: up to two more of them, and then a field that is known.
_RESUMED: Final = re.compile(
    rb"(?:[^\n]++\n){0,2}?(?:from|to|cc|subject|date|message-id|received|reply-to|return-path|sender"
    rb"|references|in-reply-to|mime-version|content-[a-z-]{2,20}|x-[a-z-]{2,40}|dkim-signature"
    rb"|delivered-to|authentication-results|list-[a-z]{2,20}|precedence):",
    re.IGNORECASE,
)


class Headers(Mapping[str, str]):
    """The fields of a header by name, in the order of their first appearance; case is ignored.

    ``headers[name]`` is the first value, unfolded and decoded, `get_all` gives every one and
    `raw` the octets. ``dict(headers)`` is plain text that goes to JSON.
    """

    __slots__ = ("_by_name", "_fields")

    def __init__(self, fields: list[Field]) -> None:
        self._fields = fields
        self._by_name: dict[bytes, list[bytes]] = {}
        by_name = self._by_name
        for name, value in fields:
            key = name.lower()
            if key in by_name:
                by_name[key].append(value)
            else:
                by_name[key] = [value]

    def __getitem__(self, name: str) -> str:
        return _decoded(self._by_name[_key(name)][0])

    def __iter__(self) -> Iterator[str]:
        seen: set[bytes] = set()
        for name, _ in self._fields:
            lowered = name.lower()
            if lowered not in seen:
                seen.add(lowered)
                yield name.decode("ascii")

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _key(name) in self._by_name

    def __repr__(self) -> str:
        return f"Headers({len(self._fields)} fields)"

    def get_all(self, name: str) -> list[str]:
        """Every value of *name*, decoded, in their order; empty where there is none."""
        return [_decoded(value) for value in self.raw(name)]

    def raw(self, name: str) -> list[bytes]:
        """Every value of *name* as it came, folded and encoded; empty where there is none."""
        return list(self._by_name.get(_key(name), ()))

    def fields(self) -> Iterator[tuple[str, str]]:
        """Every field as name and decoded value, in the order of the message."""
        return ((name.decode("ascii"), _decoded(value)) for name, value in self._fields)


def _key(name: str) -> bytes:
    return name.encode("utf-8", "replace").lower()


def _decoded(value: bytes) -> str:
    if not value.isascii() and b"=?" in value:
        # An encoded-word with octets beyond ASCII in it: they are in the charset that it names.
        value = _RAW_WORD.sub(_quote_octets, value)
    return scrub(decode_words(value.strip())).strip()


def _quote_octets(word: re.Match[bytes]) -> bytes:
    return b"".join(b"%c" % octet if octet < 0x80 else b"=%02X" % octet for octet in word[0])


def split_header(raw: bytes, start: int, end: int, warnings: list[str]) -> tuple[list[Field], int]:
    """The fields of the header at *start*, and where the body that follows begins."""
    if raw.startswith((b"\n", b"\r\n"), start, end):
        return [], raw.index(b"\n", start) + 1
    head_end, body = _blank_line(raw, start, end)
    block = raw[start : min(head_end, start + MAX_HEADER_BYTES)]
    if block.count(b"\n") <= MAX_FIELDS and len(block) == head_end - start:
        for expression in (_PLAIN_FIELD, _FIELD):
            fields: list[Field] = expression.findall(block)
            if sum(map(len, chain.from_iterable(fields))) + len(fields) == len(block):
                return fields, body
    fields, position = _split_lines(block, warnings)
    if position < len(block):
        warnings.append("header: it ends without an empty line")
        return fields, start + position
    if len(block) < head_end - start:
        warnings.append("header: larger than is read")
    return fields, body


def _blank_line(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the first empty line begins, and where it ends; twice *end* where there is none."""
    crlf = raw.find(b"\n\r\n", start, end)
    lf = raw.find(b"\n\n", start, end if crlf < 0 else crlf)
    if lf >= 0:
        return lf + 1, lf + 2
    return (crlf + 1, crlf + 3) if crlf >= 0 else (end, end)


def _split_lines(block: bytes, warnings: list[str]) -> tuple[list[Field], int]:
    """The fields of an odd header, and where in *block* they end."""
    fields: list[Field] = []
    position = _skip_mbox_line(block)
    while position < len(block):
        match = _FIELD.match(block, position)
        if match is not None:
            if len(fields) < MAX_FIELDS:
                fields.append((match[1], match[2]))
            position = match.end()
            continue
        line = _LINE.match(block, position)
        assert line is not None
        skipped = line[0].startswith((b" ", b"\t", b":"))
        # A boundary that follows without an empty line begins the body.
        resumed = _RESUMED.match(block, line.end())
        alone = resumed is not None and b"\n" not in resumed[0]
        if line[0].startswith(b"--") or not (skipped or alone or (resumed and fields)):
            return fields, position
        warnings.append("header: a line that is no field was skipped")
        position = line.end()
    if len(fields) == MAX_FIELDS:
        warnings.append("header: more fields than are read")
    return fields, position


def _skip_mbox_line(block: bytes) -> int:
    """Where the fields begin: mailbox files put a ``From `` line in front of each message."""
    if not block.startswith((b"From ", b">From ")):
        return 0
    end = block.find(b"\n")
    return end + 1 if end >= 0 else len(block)
