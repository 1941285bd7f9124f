"""Content-Type and Content-Disposition: a value and its parameters, read leniently.

::

    value     = token *(";" parameter)              ; RFC 2045 section 5.1, RFC 2183 section 2
    parameter = attribute "=" (token / quoted-string)
    attribute = name ["*" number] ["*"]             ; RFC 2231 sections 3 and 4

Beyond the grammar, a value may hold spaces up to the next semicolon, lack its closing quote, and
hold encoded-words, which RFC 2047 forbids and half of all mailers send.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final
from urllib.parse import unquote_to_bytes

from sage_imap.models.limits import MAX_PARAMETERS
from sage_imap.protocol.grammar.text import decode_charset, decode_text, decode_words

__all__ = ["Parameters", "read_parameters"]

Parameters = dict[str, str]
"""Decoded values by lower-case name."""

_PARAMETER: Final = re.compile(
    rb';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?>(?:[^"\\]++|\\.)*))"|([^;]*+))', re.DOTALL
)
# What most fields are: a value, or a value and one parameter in which nothing is encoded.
_USUAL: Final = re.compile(
    rb"[ \t]*+([!#-)+-:<->@-\[\]-~]++)"
    rb'(?>(?:;\s*+([!#-)+-:<>-~]++)=(?:"([ !#-)+->@-\[\]-~]*+)"|([!#-)+-:<->@-\[\]-~]++)))?)'
    rb"[ \t]*+\r?\n?"
)
_ESCAPED: Final = re.compile(rb'\\(["\\])')
_SECTION: Final = re.compile(r"(.+?)(?:\*([0-9]{1,4}))?(\*)?")
_FOLD: Final = re.compile(rb"\r?\n")
_Sections = dict[int, tuple[bytes, bool]]


def read_parameters(field: bytes) -> tuple[str, Parameters]:
    """The value of *field* in lower case, and its parameters; of two alike the first counts."""
    if not field:
        return "", {}
    usual = _USUAL.fullmatch(field)
    if usual is None:
        return _read(field)
    value, name, quoted, token = usual.groups()
    if name is None:
        return value.decode().lower(), {}
    return value.decode().lower(), {name.decode().lower(): (token or quoted).decode()}


def _read(field: bytes) -> tuple[str, Parameters]:
    field = field.removesuffix(b"\n").removesuffix(b"\r")
    semicolon = field.find(b";")
    if semicolon < 0:
        return _value(field), {}
    flat = _FOLD.sub(b"", field) if b"\n" in field else field
    found = islice(_PARAMETER.finditer(flat, flat.index(b";")), MAX_PARAMETERS)
    plain = b"*" not in flat and b"=?" not in flat and flat.isascii()
    read = _plain_parameters if plain else _encoded_parameters
    return _value(field[:semicolon]), read(found)


def _plain_parameters(found: Iterable[re.Match[bytes]]) -> Parameters:
    parameters: Parameters = {}
    for match in found:
        parameters.setdefault(match[1].decode().lower(), _given(match).decode())
    return parameters


def _encoded_parameters(found: Iterable[re.Match[bytes]]) -> Parameters:
    sections: dict[str, _Sections] = {}
    for match in found:
        name, number, extended = _section(match[1])
        sections.setdefault(name, {}).setdefault(number, (_given(match), extended))
    return {name: _joined(parts) for name, parts in sections.items()}


def _given(match: re.Match[bytes]) -> bytes:
    quoted = match[2]
    if quoted is None:
        return match[3].strip(b' \t"')
    return _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted


def _value(raw: bytes) -> str:
    return decode_text(raw.strip()).lower()


def _section(attribute: bytes) -> tuple[str, int, bool]:
    name = decode_text(attribute).lower()
    if "*" not in name:
        return name, -1, False
    match = _SECTION.fullmatch(name)
    if match is None:
        return name, -1, False
    # An extended value is better than a plain one of the same name (RFC 5987 section 4.2).
    number = int(match[2]) if match[2] else (-2 if match[3] else -1)
    return match[1], number, bool(match[3])


def _joined(parts: _Sections) -> str:
    if -2 in parts:
        return _extended([parts[-2]])
    if 0 in parts:
        numbered: list[tuple[bytes, bool]] = []
        while len(numbered) in parts:
            numbered.append(parts[len(numbered)])
        return _extended(numbered)
    if -1 in parts:
        return decode_words(parts[-1][0])
    return _extended([parts[number] for number in sorted(parts)])


def _extended(parts: list[tuple[bytes, bool]]) -> str:
    first, extended = parts[0]
    charset = b""
    if extended and first.count(b"'") >= 2:
        charset, _, first = first.split(b"'", 2)
    elif not any(flag for _, flag in parts):
        return decode_words(b"".join(value for value, _ in parts))
    octets = [unquote_to_bytes(first) if extended else first]
    octets += [unquote_to_bytes(value) if flag else value for value, flag in parts[1:]]
    return decode_charset(b"".join(octets), decode_text(charset) or "utf-8")
