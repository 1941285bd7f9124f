"""BODYSTRUCTURE the fast way: one expression for the whole, or else one for each part.

It reads what well-behaved servers send, strictly, and gives up on everything else, so that
`bodystructure` alone decides about oddities. Both read the same structure from the same octets.
What the one expression fits is taken apart when somebody looks at it.
"""

from __future__ import annotations

import re
from dataclasses import fields
from functools import cache, lru_cache
from typing import Any, Final

from sage_imap.models.envelope import Envelope
from sage_imap.models.structure import BodyPart, Disposition
from sage_imap.protocol.grammar.envelope import PLAIN_ENVELOPE, plain_envelope
from sage_imap.protocol.grammar.parameters import filename_of
from sage_imap.protocol.grammar.text import decode_text, decode_words

__all__ = ["plain_structure"]

# Bounded, since what is cached by them is to take little memory.
_WORD: Final = rb'"([^"\\\x00\r\n]{1,64}+)"'
_ENCODING: Final = rb'((?:"[^"\\\x00\r\n]{0,64}+"|NIL))'
_QUOTED: Final = rb'"[^"\\\x00\r\n]*+"'  # what is escaped is read elsewhere
_NSTRING: Final = rb"(?:" + _QUOTED + rb"|NIL)"
_PARAM: Final = _QUOTED + rb" " + _NSTRING
_PARAMS: Final = rb"(?:NIL|\(" + _PARAM + rb"(?>(?: " + _PARAM + rb")*)\))"
_DISPOSITION: Final = rb'(?:NIL|\("[^"\\\x00\r\n]++" ' + _PARAMS + rb"\))"
_LANGUAGE: Final = rb"(?:\(" + _NSTRING + rb"(?>(?: " + _NSTRING + rb")*)\)|" + _NSTRING + rb")"
_TAIL: Final = (
    rb"(?>(?: ("
    + _DISPOSITION
    + rb")(?>(?: ("
    + _LANGUAGE
    + rb")(?>(?: ("
    + _NSTRING
    + rb"))?))?))?)"
)
_HEAD: Final = rb"\(" + rb" ".join(
    [
        _WORD,
        _WORD,
        rb"(" + _PARAMS + rb")",
        rb"(" + _NSTRING + rb")",
        rb"(" + _NSTRING + rb")",
        _ENCODING,
        rb"([0-9]{1,20})",
    ]
)
_LEAF: Final = re.compile(
    _HEAD + rb"(?>(?: ([0-9]{1,20}))?)(?>(?: (" + _NSTRING + rb")" + _TAIL + rb")?)\)"
)
_MESSAGE: Final = re.compile(_HEAD + rb" " + PLAIN_ENVELOPE + rb" (?=\()")
_MESSAGE_END: Final = re.compile(rb" ([0-9]{1,20})(?>(?: (" + _NSTRING + rb")" + _TAIL + rb")?)\)")
_MULTIPART_END: Final = re.compile(
    rb" " + _WORD + rb"(?>(?: (" + _PARAMS + rb")" + _TAIL + rb")?)\)"
)
_ITEM: Final = re.compile(_NSTRING)


def _without_groups(pattern: bytes) -> bytes:
    return re.sub(rb"(?<!\\)\((?!\?)", rb"(?:", pattern)


@cache
def _whole() -> re.Pattern[bytes]:
    """A part, or parts in parts three deep, as the expressions above read them one by one.

    Made when the first structure comes: that takes longer than all the rest of the module.
    """
    head, leaf, end = map(_without_groups, (_HEAD, _LEAF.pattern, _MULTIPART_END.pattern))
    rest = _without_groups(rb"(?>(?: (" + _NSTRING + rb")" + _TAIL + rb")?)\)")
    # Texts and messages without their lines are left to `bodystructure`.
    unlined = rb'(?!\("(?i:text|message)" )' + leaf
    part = rb"(?>" + head + rb" [0-9]{1,20}" + rest + rb"|" + unlined + rb")"
    inner = rb"\((?>(?:" + part + rb")+)" + end
    outer = rb"\((?>(?:" + part + rb"|" + inner + rb")+)" + end
    return re.compile(rb"(?>" + part + rb"|" + outer + rb")")


_WHOLE_DEPTH: Final = 3
_NIL: Final = b"NIL"
_LINED: Final = frozenset({b"text", b"message"})
_MESSAGES: Final = frozenset({"message/rfc822", "message/global"})

Fields = tuple[Any, ...]
"""What is kept of a part: octets or None, in the order of the places below."""
Nested = tuple[tuple[BodyPart, ...], Envelope | None, BodyPart | None]
"""The parts of a multipart, and the envelope and the body of an attached message."""
Values = tuple[Any, ...]
"""The fields of a `BodyPart`, in their order."""

(
    _KIND,
    _SUBTYPE,
    _PARAMS_PLACE,
    _ID,
    _DESCRIPTION,
    _ENCODING_PLACE,
    _SIZE,
    _LINES,
    _MD5,
    _DISPOSITION_PLACE,
    _LANGUAGE_PLACE,
    _LOCATION,
) = range(12)
_LONGEST_CACHED: Final = 128  # octets


class _LazyPart(BodyPart):
    """A part that decodes its fields when the first of them is asked for."""

    __slots__ = ("_found", "_nested", "_raw", "_unread")
    _found: Values | None
    _nested: Nested
    _raw: Fields
    _unread: bytes | None

    def __reduce__(self) -> tuple[type[BodyPart], Values]:
        return BodyPart, _values_of(self)


def _lazy(raw: Fields, nested: Nested = ((), None, None)) -> BodyPart:
    part = _LazyPart.__new__(_LazyPart)
    part._raw, part._nested, part._found = raw, nested, None  # noqa: SLF001 - the module's own
    part._unread = None  # noqa: SLF001 - the same
    return part


def _lazy_whole(octets: bytes) -> BodyPart:
    part = _lazy(())
    part._unread = octets  # type: ignore[attr-defined]  # noqa: SLF001 - the same
    return part


def _take_apart(part: _LazyPart, octets: bytes) -> None:
    found = _apart(octets, 0, _WHOLE_DEPTH)
    assert found is not None, "one expression fits what each part's fits"
    read = found[0]
    assert isinstance(read, _LazyPart)
    part._raw, part._nested, part._unread = read._raw, read._nested, None  # noqa: SLF001 - the same


def _values_of(part: _LazyPart) -> Values:
    found = part._found  # noqa: SLF001 - the module's own class
    if found is None:
        unread = part._unread  # noqa: SLF001 - the same
        if unread is not None:
            _take_apart(part, unread)
        found = part._found = _values(part._raw, part._nested)  # noqa: SLF001
    return found


def _reader(index: int) -> property:
    return property(lambda part: _values_of(part)[index])


for _index, _field in enumerate(fields(BodyPart)):
    setattr(_LazyPart, _field.name, _reader(_index))
del _index, _field


def plain_structure(data: bytes, position: int, depth: int) -> tuple[BodyPart, int] | None:
    """The structure at *position* and where it ends, or None where it is not a plain one.

    *depth* bounds the nesting of parts.
    """
    if depth >= _WHOLE_DEPTH and (whole := _whole().match(data, position)) is not None:
        return _lazy_whole(whole[0]), whole.end()
    return _apart(data, position, depth)


def _apart(data: bytes, position: int, depth: int) -> tuple[BodyPart, int] | None:
    if not depth:
        return None
    if data.startswith(b"((", position):
        return _multipart(data, position + 1, depth)
    match = _LEAF.match(data, position)
    if match is None:
        return _message(data, position, depth)
    leaf = _leaf(match.groups())
    return None if leaf is None else (leaf, match.end())


def _leaf(raw: Fields) -> BodyPart | None:
    if raw[_LINES] is None and raw[_KIND].lower() in _LINED:
        return None  # one that lacks its lines is told from a shifted one elsewhere
    return _lazy(raw)


def _multipart(data: bytes, position: int, depth: int) -> tuple[BodyPart, int] | None:
    if depth < 2:
        return None
    parts: list[BodyPart] = []
    while True:
        part: BodyPart | None
        if (match := _LEAF.match(data, position)) is not None:  # nearly all parts are leaves
            part, position = _leaf(match.groups()), match.end()
        elif data.startswith(b"(", position):
            found = _apart(data, position, depth - 1)
            part, position = found or (None, position)
        else:
            break
        if part is None:
            return None
        parts.append(part)
    match = _MULTIPART_END.match(data, position)
    if match is None:
        return None
    subtype, params, *extensions = match.groups()
    raw = (b"multipart", subtype, params, None, None, None, None, None, None, *extensions)
    return _lazy(raw, (tuple(parts), None, None)), match.end()


def _message(data: bytes, position: int, depth: int) -> tuple[BodyPart, int] | None:
    head = _MESSAGE.match(data, position)
    if head is None:
        return None
    kind, subtype, *found_fields = head.groups()
    found = plain_structure(data, head.end(), depth - 1)
    if found is None or _media_type(kind, subtype) not in _MESSAGES:
        return None
    body, position = found
    end = _MESSAGE_END.match(data, position)
    if end is None:
        return None
    raw = (kind, subtype, *found_fields[:5], *end.groups())
    return _lazy(raw, ((), plain_envelope(tuple(found_fields[5:])), body)), end.end()


def _values(raw: Fields, nested: Nested) -> Values:
    params = _params(raw[_PARAMS_PLACE])
    disposition = _disposition(raw[_DISPOSITION_PLACE])
    return (
        _media_type(raw[_KIND], raw[_SUBTYPE]),
        params,
        _text(raw[_ID]),
        _description(raw[_DESCRIPTION]),
        _encoding(raw[_ENCODING_PLACE]),
        _number(raw[_SIZE]),
        _number(raw[_LINES]),
        _text(raw[_MD5]),
        disposition,
        _language(raw[_LANGUAGE_PLACE]),
        _text(raw[_LOCATION]),
        filename_of(disposition, params),
        *nested,
    )


def _disposition(raw: bytes | None) -> Disposition | None:
    if raw is None or raw == _NIL:
        return None
    kind, _, params = raw[2:-1].partition(b'" ')
    return Disposition(decode_text(kind).lower(), _params(params))


def _language(raw: bytes | None) -> tuple[str, ...]:
    if raw is None or raw == _NIL:
        return ()
    return tuple(decode_text(item[1:-1]) for item in _ITEM.findall(raw) if item != _NIL)


def _description(raw: bytes | None) -> str | None:
    return None if raw is None or raw == _NIL else decode_words(raw[1:-1])


def _params(raw: bytes | None) -> dict[str, str]:
    if raw is None or raw == _NIL:
        return {}
    return _cached_params(raw).copy() if len(raw) <= _LONGEST_CACHED else _match_params(raw)


def _match_params(raw: bytes) -> dict[str, str]:
    values = ["" if item == _NIL else decode_text(item[1:-1]) for item in _ITEM.findall(raw)]
    return {name.lower(): text for name, text in zip(values[::2], values[1::2], strict=True)}


# Character sets and the like recur, boundaries do not.
_cached_params = lru_cache(maxsize=1024)(_match_params)


@lru_cache(maxsize=512)
def _media_type(kind: bytes, subtype: bytes) -> str:
    return f"{decode_text(kind)}/{decode_text(subtype)}".lower()


@lru_cache(maxsize=128)
def _encoding(raw: bytes | None) -> str | None:
    return None if raw is None or raw == _NIL else decode_text(raw[1:-1]).lower()


def _text(raw: bytes | None) -> str | None:
    return None if raw is None or raw == _NIL else decode_text(raw[1:-1])


def _number(raw: bytes | None) -> int | None:
    return None if raw is None else int(raw)
