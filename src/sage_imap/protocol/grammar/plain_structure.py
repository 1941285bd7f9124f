"""BODYSTRUCTURE the fast way: one expression for each part.

It reads what well-behaved servers send, strictly, and gives up on everything else, so that
`bodystructure` alone decides about oddities. Both read the same structure from the same octets.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sage_imap.models.envelope import Envelope
from sage_imap.models.structure import BodyPart, Disposition
from sage_imap.protocol.grammar.envelope import NSTRING, PLAIN_ENVELOPE, plain_envelope
from sage_imap.protocol.grammar.parameters import filename_of
from sage_imap.protocol.grammar.text import decode_text, decode_words

__all__ = ["plain_structure"]

# Bounded, since what is cached by them is to take little memory.
_WORD: Final = rb'"([^"\\\x00\r\n]{1,64}+)"'
_ENCODING: Final = rb'((?:"[^"\\\x00\r\n]{0,64}+"|NIL))'
_QUOTED: Final = NSTRING.replace(b"|NIL", b"")
_PARAM: Final = _QUOTED + rb" " + NSTRING
_PARAMS: Final = rb"(?:NIL|\(" + _PARAM + rb"(?: " + _PARAM + rb")*+\))"
_DISPOSITION: Final = rb'(?:NIL|\("[^"\\\x00\r\n]++" ' + _PARAMS + rb"\))"
_LANGUAGE: Final = rb"(?:\(" + NSTRING + rb"(?: " + NSTRING + rb")*+\)|" + NSTRING + rb")"
_TAIL: Final = (
    rb"(?: (" + _DISPOSITION + rb")(?: (" + _LANGUAGE + rb")(?: (" + NSTRING + rb"))?+)?+)?+"
)
_HEAD: Final = rb"\(" + rb" ".join(
    [
        _WORD,
        _WORD,
        rb"(" + _PARAMS + rb")",
        rb"(" + NSTRING + rb")",
        rb"(" + NSTRING + rb")",
        _ENCODING,
        rb"([0-9]{1,20})",
    ]
)
_LEAF: Final = re.compile(
    _HEAD + rb"(?: ([0-9]{1,20}))?+(?: (" + NSTRING + rb")" + _TAIL + rb")?+\)"
)
_MESSAGE: Final = re.compile(_HEAD + rb" " + PLAIN_ENVELOPE + rb" (?=\()")
_MESSAGE_END: Final = re.compile(rb" ([0-9]{1,20})(?: (" + NSTRING + rb")" + _TAIL + rb")?+\)")
_MULTIPART_END: Final = re.compile(rb" " + _WORD + rb"(?: (" + _PARAMS + rb")" + _TAIL + rb")?+\)")
_ITEM: Final = re.compile(NSTRING)
_ESCAPE: Final = re.compile(rb'\\(["\\])')
_NIL: Final = b"NIL"
_LONGEST_CACHED: Final = 128  # octets


def plain_structure(data: bytes, position: int, depth: int) -> tuple[BodyPart, int] | None:
    """The structure at *position* and where it ends, or None where it is not a plain one.

    *depth* bounds the nesting of parts.
    """
    if not depth:
        return None
    if data[position + 1 : position + 2] == b"(":
        return _multipart(data, position + 1, depth)
    match = _LEAF.match(data, position)
    if match is None:
        return _message(data, position, depth)
    (kind, subtype, params, part_id, description, encoding, size, lines, *extensions) = (
        match.groups()
    )
    name = _media_type(kind, subtype)
    if lines is None and name.startswith(("text/", "message/")):
        return None  # one that lacks its lines is told from a shifted one elsewhere
    part = BodyPart(
        name,
        _params(params),
        _text(part_id),
        None if description == _NIL else decode_words(_unquoted(description)),
        _encoding(encoding),
        int(size),
        None if lines is None else int(lines),
    )
    _extend(part, *extensions)
    return part, match.end()


def _multipart(data: bytes, position: int, depth: int) -> tuple[BodyPart, int] | None:
    parts: list[BodyPart] = []
    while data[position : position + 1] == b"(":
        found = plain_structure(data, position, depth - 1)
        if found is None:
            return None
        part, position = found
        parts.append(part)
    match = _MULTIPART_END.match(data, position)
    if match is None:
        return None
    subtype, params, disposition, language, location = match.groups()
    whole = BodyPart(_media_type(b"multipart", subtype), {} if params is None else _params(params))
    whole.parts = tuple(parts)
    _extend(whole, None, disposition, language, location)
    return whole, match.end()


def _message(data: bytes, position: int, depth: int) -> tuple[BodyPart, int] | None:
    head = _MESSAGE.match(data, position)
    if head is None:
        return None
    kind, subtype, params, part_id, description, encoding, size, *fields = head.groups()
    name = _media_type(kind, subtype)
    found = plain_structure(data, head.end(), depth - 1)
    if found is None or name not in ("message/rfc822", "message/global"):
        return None
    body, position = found
    end = _MESSAGE_END.match(data, position)
    if end is None:
        return None
    lines, *extensions = end.groups()
    part = BodyPart(
        name,
        _params(params),
        _text(part_id),
        None if description == _NIL else decode_words(_unquoted(description)),
        _encoding(encoding),
        int(size),
        int(lines),
        envelope=_envelope(fields),
        body=body,
    )
    _extend(part, *extensions)
    return part, end.end()


def _envelope(fields: list[bytes]) -> Envelope:
    return plain_envelope(tuple(fields))


def _extend(
    part: BodyPart,
    md5: bytes | None,
    disposition: bytes | None,
    language: bytes | None,
    location: bytes | None,
) -> None:
    if md5 is not None:
        part.md5 = _text(md5)
    if disposition is not None and disposition != _NIL:
        kind, _, params = disposition[2:-1].partition(b'" ')
        part.disposition = Disposition(decode_text(kind).lower(), _params(params))
    if language is not None and language != _NIL:
        part.language = tuple(
            decode_text(_unquoted(item)) for item in _ITEM.findall(language) if item != _NIL
        )
    if location is not None:
        part.location = _text(location)
    if part.params or part.disposition is not None:
        part.filename = filename_of(part)


def _params(raw: bytes) -> dict[str, str]:
    if raw == _NIL:
        return {}
    return _cached_params(raw).copy() if len(raw) <= _LONGEST_CACHED else _match_params(raw)


def _match_params(raw: bytes) -> dict[str, str]:
    values = ["" if item == _NIL else decode_text(_unquoted(item)) for item in _ITEM.findall(raw)]
    return {name.lower(): text for name, text in zip(values[::2], values[1::2], strict=True)}


# Character sets and the like recur, boundaries do not.
_cached_params = lru_cache(maxsize=1024)(_match_params)


@lru_cache(maxsize=512)
def _media_type(kind: bytes, subtype: bytes) -> str:
    return f"{decode_text(kind)}/{decode_text(subtype)}".lower()


@lru_cache(maxsize=128)
def _encoding(raw: bytes) -> str | None:
    return None if raw == _NIL else decode_text(_unquoted(raw)).lower()


def _text(raw: bytes) -> str | None:
    return None if raw == _NIL else decode_text(_unquoted(raw))


def _unquoted(raw: bytes) -> bytes:
    content = raw[1:-1]
    return _ESCAPE.sub(rb"\1", content) if b"\\" in content else content
