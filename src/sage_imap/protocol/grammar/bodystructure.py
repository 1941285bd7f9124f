"""BODYSTRUCTURE and BODY (RFC 9051 section 7.5.2 and section 9, body).

::

    body-type-1part = basic / text ... body-fields = params SP id SP desc SP enc SP octets
    body-ext-1part  = md5 [SP dsp [SP lang [SP loc *(SP extension)]]]
    body-type-mpart = 1*body SP media-subtype [SP params [SP dsp [SP lang [SP loc ...]]]]

This module reads a structure from its values and tells the shapes apart, whatever their names
say; `plain_structure` is the fast way for those without oddities. What it puts up with:

``quirk_nil_children``
    NIL in the place of the children of a multipart: it has none.
``quirk_childless_multipart``
    ``("MIXED" (...) ...)``: a multipart without children.
``quirk_missing_subtype``
    the subtype of a leaf is left out: it is the usual one of the type.
``quirk_nil_media_type``
    type or subtype is NIL: ``application/octet-stream``, or the usual subtype of the type.
``quirk_basic_message``
    an attached message without envelope, structure and lines.
``quirk_string_disposition``
    ``"attachment"`` in place of ``("attachment" NIL)``; for a multipart any string.
``quirk_empty_list``
    ``()`` where NIL is due.
``quirk_unknown_size``
    a size that is NIL or negative: it is not known.
``quirk_nil_lines``
    the line count of a text is NIL or missing: it is not known.
``quirk_odd_parameters``
    a parameter without a value: it is empty.
"""

from __future__ import annotations

import re
from typing import Final, TypeGuard

from sage_imap.models.structure import BodyPart, Disposition
from sage_imap.protocol.grammar.envelope import envelope_of
from sage_imap.protocol.grammar.parameters import filename_of
from sage_imap.protocol.grammar.text import decode_text, decode_words
from sage_imap.protocol.grammar.tokens import Scanner, Unreadable, Value, string

__all__ = ["structure_of"]

_USUAL_SUBTYPES: Final = {"text": "plain", "multipart": "mixed", "message": "rfc822"}
_MESSAGES: Final = frozenset({"message/rfc822", "message/global"})
_SIZE: Final = 6  # the place of the octets in a leaf that lacks nothing
_EXTENSIONS: Final = 4
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}")


def structure_of(value: Value, scanner: Scanner) -> BodyPart:
    """The structure that *value*, a list, stands for.

    Recursive; the scanner has bounded the depth of the list.
    """
    if not isinstance(value, list) or not value:
        raise Unreadable("a body structure was expected")
    first = value[0]
    if isinstance(first, list):
        children = 1
        while children < len(value) and isinstance(value[children], list):
            children += 1
        parts = tuple(structure_of(child, scanner) for child in value[:children])
        return _multipart(parts, value[children:], scanner)
    if first is None and not _is_size(value, _SIZE):
        scanner.tolerate("quirk_nil_children")
        return _multipart((), value[1:], scanner)
    if not _is_text(value, 1) and _is_size(value, _SIZE - 1):
        scanner.tolerate("quirk_missing_subtype")
        value = [first, b"", *value[1:]]
    elif not _is_text(value, 1) and not _is_size(value, _SIZE):
        scanner.tolerate("quirk_childless_multipart")
        return _multipart((), value, scanner)
    return _leaf(value, scanner)


def _multipart(parts: tuple[BodyPart, ...], fields: list[Value], scanner: Scanner) -> BodyPart:
    if not fields:
        raise Unreadable("a multipart has no subtype")
    subtype = _token(fields[0]) or "mixed"
    params, disposition, language, location = _padded(fields[1:], _EXTENSIONS)
    part = BodyPart(
        f"multipart/{subtype}",
        _params(params, scanner),
        disposition=_disposition(disposition, scanner),
        language=_language(language),
        location=_location(location, scanner),
        parts=parts,
    )
    part.filename = filename_of(part.disposition, part.params)
    return part


def _leaf(value: list[Value], scanner: Scanner) -> BodyPart:
    kind, subtype, params, part_id, description, encoding, size = _padded(value, _SIZE + 1)
    part = BodyPart(
        _media_type(kind, subtype, scanner),
        _params(params, scanner),
        _optional(part_id),
        None if description is None else decode_words(string(description)),
        _token(encoding),
        _size(size, scanner),
    )
    rest = _read_middle(part, value[_SIZE + 1 :], scanner)
    md5, disposition, language, location = _padded(rest, _EXTENSIONS)
    part.md5 = _optional(md5)
    part.disposition = _disposition(disposition, scanner)
    part.language = _language(language)
    part.location = _location(location, scanner)
    part.filename = filename_of(part.disposition, part.params)
    return part


def _read_middle(part: BodyPart, rest: list[Value], scanner: Scanner) -> list[Value]:
    """Read what stands between the octets and the extension data, and return the latter."""
    if part.type in _MESSAGES and len(rest) > 1:
        envelope, body = rest[0], rest[1]
        if isinstance(body, list) and (isinstance(envelope, list) or _is_size(rest, 2)):
            part.envelope = None if envelope is None else envelope_of(envelope, scanner)
            part.body = structure_of(body, scanner)
            rest = rest[2:]
        else:
            scanner.tolerate("quirk_basic_message")
    if _is_size(rest, 0):
        part.lines = _size(rest[0], scanner)
        return rest[1:]
    if not part.type.startswith("text/"):
        return rest
    scanner.tolerate("quirk_nil_lines")
    # NIL may be the line count or the MD5; with all extension data there is one value more.
    return rest[1:] if len(rest) > _EXTENSIONS and rest[0] is None else rest


def _media_type(kind: Value, subtype: Value, scanner: Scanner) -> str:
    if kind is None or subtype is None:
        scanner.tolerate("quirk_nil_media_type")
    if kind is None:
        return "application/octet-stream"
    name = _token(kind) or "application"
    return f"{name}/{_token(subtype) or _USUAL_SUBTYPES.get(name, 'octet-stream')}"


def _size(value: Value, scanner: Scanner) -> int | None:
    if value is not None and not _is_number(value):
        raise Unreadable("the size of a part was expected")
    if value is None or value[:1] == "-":
        scanner.tolerate("quirk_unknown_size")
        return None
    return int(value)


def _params(value: Value, scanner: Scanner) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, list):
        raise Unreadable("the parameters of a part were expected")
    if not value:
        scanner.tolerate("quirk_empty_list")
    if len(value) % 2:
        scanner.tolerate("quirk_odd_parameters")
        value = [*value, b""]
    return {
        decode_text(string(name)).lower(): "" if text is None else decode_text(string(text))
        for name, text in zip(value[::2], value[1::2], strict=True)
    }


def _disposition(value: Value, scanner: Scanner) -> Disposition | None:
    if value is None:
        return None
    if isinstance(value, list):
        if not value:
            scanner.tolerate("quirk_empty_list")
            return None
        kind, params = _padded(value, 2)
        return Disposition(_token(kind) or "", _params(params, scanner))
    scanner.tolerate("quirk_string_disposition")
    kind = _token(value) or ""
    # Some servers put the Content-Description of a multipart here.
    return Disposition(kind, {}) if kind and " " not in kind else None


def _language(value: Value) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(decode_text(string(item)) for item in value if item is not None)
    return (decode_text(string(value)),)


def _location(value: Value, scanner: Scanner) -> str | None:
    if isinstance(value, list) and not value:
        scanner.tolerate("quirk_empty_list")
        return None
    return _optional(value)


def _optional(value: Value) -> str | None:
    return None if value is None else decode_text(string(value))


def _token(value: Value) -> str | None:
    return None if value is None else decode_text(string(value)).lower()


def _padded(values: list[Value], count: int) -> list[Value]:
    return [*values[:count], *([None] * (count - len(values)))]


def _is_text(values: list[Value], place: int) -> bool:
    return len(values) > place and isinstance(values[place], bytes)


def _is_size(values: list[Value], place: int) -> bool:
    return len(values) > place and _is_number(values[place])


def _is_number(value: Value) -> TypeGuard[str]:
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None
