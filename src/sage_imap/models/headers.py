"""The header of a message or of a part: fields as they came, decoded when they are asked for.

Structure is read from the octets; encoded-words are decoded afterwards, so that nothing that is
encoded can pose as structure (RFC 2047 section 5). A line that is no field is skipped where known
fields follow it, and else it is where the body begins: a body is never swallowed by the header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from sage_imap.models.limits import MAX_FIELDS, MAX_HEADER_BYTES
from sage_imap.protocol.grammar.text import decode_words

__all__ = ["Headers", "split_header"]

# White space before the colon is obsolete syntax (RFC 5322 section 4.5) and in prose more common
# than in fields: there, a name has to begin like a name.
_FIELD: Final = re.compile(
    rb"((?:[!-9;-~]++(?=:))|[A-Z][!-9;-~]++(?=[ \t]))[ \t]*+:([^\n]*+(?>(?:\n[ \t][^\n]*+)*)\n?)"
)
# A line feed and the name behind it; without a name where the line is no field.
_PLAIN_NAME: Final = re.compile(rb"\n(?:([!-9;-~]++):|(?![ \t]))")
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_LONGEST_CACHED: Final = 128  # octets
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

    __slots__ = ("_first", "_keys", "_names", "_values")

    def __init__(self, names: list[bytes], values: list[bytes]) -> None:
        self._names = names
        self._values = values  # without their last line feed
        self._keys = list(map(bytes.lower, names))
        # The first value of each name, put last and therefore kept.
        self._first = dict(zip(self._keys[::-1], values[::-1], strict=False))

    def __getitem__(self, name: str) -> str:
        return _decoded(self._first[_key(name)])

    def __iter__(self) -> Iterator[str]:
        seen: set[bytes] = set()
        for key, name in zip(self._keys, self._names, strict=True):
            if key not in seen:
                seen.add(key)
                yield name.decode("ascii")

    def __len__(self) -> int:
        return len(self._first)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _key(name) in self._first

    def __repr__(self) -> str:
        return f"Headers({len(self._names)} fields)"

    def get_all(self, name: str) -> list[str]:
        """Every value of *name*, decoded, in their order; empty where there is none."""
        return [_decoded(value) for value in self.octets(_key(name))]

    def raw(self, name: str) -> list[bytes]:
        """Every value of *name* as it came, folded and encoded; empty where there is none."""
        return [value + b"\n" for value in self.octets(_key(name))]

    def fields(self) -> Iterator[tuple[str, str]]:
        """Every field as name and decoded value, in the order of the message."""
        pairs = zip(self._names, self._values, strict=True)
        return ((name.decode("ascii"), _decoded(value)) for name, value in pairs)

    def octets(self, key: bytes) -> list[bytes]:
        """As `raw`, of a name in lower case, without the line feed at the end of each."""
        keys = self._keys
        if keys.count(key) > 1:
            return [value for found, value in zip(keys, self._values, strict=True) if found == key]
        return [self._first[key]] if key in self._first else []

    def first(self, key: bytes) -> bytes:
        """The first of `octets`, empty where there is none."""
        return self._first.get(key, b"")

    def text(self, key: bytes) -> str:
        """The first value of a name in lower case, decoded, empty where there is none."""
        value = self._first.get(key)
        return "" if value is None else _decoded(value)


def _key(name: str) -> bytes:
    return name.encode("utf-8", "replace").lower()


def _decoded(value: bytes) -> str:
    if not value.isascii() and b"=?" in value:
        # An encoded-word with octets beyond ASCII in it: they are in the charset that it names.
        value = _RAW_WORD.sub(_quote_octets, value)
    return decode_words(value.strip()).strip()


def _quote_octets(word: re.Match[bytes]) -> bytes:
    return b"".join(b"%c" % octet if octet < 0x80 else b"=%02X" % octet for octet in word[0])


def split_header(raw: bytes, start: int, end: int, warnings: list[str]) -> tuple[Headers, int]:
    """The header at *start*, and where the body that follows begins; it may be shared.

    A header of nothing but plain fields is taken apart by one expression, and a short one, as
    parts have, once for all that read the same.
    """
    if raw.startswith((b"\n", b"\r\n"), start, end):
        return Headers([], []), raw.index(b"\n", start) + 1
    head_end, body = _blank_line(raw, start, end)
    block = raw[start : min(head_end, start + MAX_HEADER_BYTES)]
    whole = len(block) == head_end - start
    if whole:
        short = len(block) <= _LONGEST_CACHED
        plain = _cached_header(block) if short else _plain_header(block)
        if plain is not None:
            return plain, body
    names, values, position = _split_lines(block, warnings)
    if position < len(block):
        warnings.append("header: it ends without an empty line")
        return Headers(names, values), start + position
    if not whole:
        warnings.append("header: larger than is read")
    return Headers(names, values), body


def _plain_header(block: bytes) -> Headers | None:
    """The header where *block* has plain fields only, None where it has anything else."""
    lines = b"\n" + block.removesuffix(b"\n")
    found: list[bytes] = _PLAIN_NAME.split(lines, MAX_FIELDS + 1)
    names = found[1::2]
    if found[0] or None in names or len(names) > MAX_FIELDS:
        return None
    return Headers(names, found[2::2])


_cached_header = lru_cache(maxsize=512)(_plain_header)


def _blank_line(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the first empty line begins, and where it ends; twice *end* where there is none."""
    found = _BLANK_LINE.search(raw, start, end)
    return (end, end) if found is None else (found.start() + 1, found.end())


def _split_lines(block: bytes, warnings: list[str]) -> tuple[list[bytes], list[bytes], int]:
    """The names and values of an odd header, and where in *block* they end."""
    names: list[bytes] = []
    values: list[bytes] = []
    position = _skip_mbox_line(block)
    while position < len(block):
        match = _FIELD.match(block, position)
        if match is not None:
            if len(names) < MAX_FIELDS:
                names.append(match[1])
                values.append(match[2].removesuffix(b"\n"))
            position = match.end()
            continue
        line = _LINE.match(block, position)
        assert line is not None
        skipped = line[0].startswith((b" ", b"\t", b":"))
        # A boundary that follows without an empty line begins the body.
        resumed = _RESUMED.match(block, line.end())
        alone = resumed is not None and b"\n" not in resumed[0]
        if line[0].startswith(b"--") or not (skipped or alone or (resumed and names)):
            return names, values, position
        warnings.append("header: a line that is no field was skipped")
        position = line.end()
    if len(names) == MAX_FIELDS:
        warnings.append("header: more fields than are read")
    return names, values, position


def _skip_mbox_line(block: bytes) -> int:
    """Where the fields begin: mailbox files put a ``From `` line in front of each message."""
    if not block.startswith((b"From ", b">From ")):
        return 0
    end = block.find(b"\n")
    return end + 1 if end >= 0 else len(block)
