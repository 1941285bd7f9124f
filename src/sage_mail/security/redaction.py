"""Card numbers, social security numbers, IBANs and e-mail addresses taken out of text.

The laws of this module:

- A value is searched at any depth. What comes back is new; what was given is not changed.
- Identifiers are no text: the ids of events, hashes, names of accounts and Message-IDs stay, or
  nobody could tell which mail is meant.
- Where a person's address is the fact itself (``sender``, ``from``, ``to``, ``cc``, ``reply_to``,
  and these header fields) addresses stay; all else is taken out there too.
- A text is searched as a reader sees it, see `sage_mail.security.rendering`. Tags of HTML within
  what is taken out stay behind it, or the elements around it would not end; their attributes, which
  may say it once more, do not.
- Time is linear in the length of the text, whatever the text: each pattern is anchored at a
  character that it cannot repeat, or at groups that do not overlap.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sage_mail.security.addresses import addresses as find_addresses
from sage_mail.security.numbers import cards, ibans, social_security_numbers
from sage_mail.security.rendering import Rendering, bare_tags

__all__ = ["REDACTED", "redact", "redact_text"]

REDACTED: Final = "[REDACTED]"

# Keys are compared in lower case with "-" for "_", so that they cover our names and header fields.
_ADDRESSES_STAY: Final = frozenset({"sender", "from", "to", "cc", "reply-to"})
_IDENTIFIERS: Final = frozenset({"id", "type", "account", "message-id", "sha256", "event-id"})
_HEADERS: Final = "headers"
_HEADER_IDENTIFIERS: Final = frozenset({"message-id", "in-reply-to", "references"})


def redact(value: Any) -> Any:
    """The JSON value without anything private in its texts; `REDACTED` stands in its place."""
    return _redact(value, _Place())


def redact_text(text: str, *, addresses: bool = True) -> str:
    """The text without card, social security and bank account numbers, and without addresses.

    With ``addresses=False`` e-mail addresses stay.
    """
    finders = [ibans, social_security_numbers, cards, *([find_addresses] if addresses else [])]
    # Once as it is written, for what is in the tags of HTML, and once without tags between.
    for tags in (False, True) if "<" in text else (False,):
        seen = Rendering(text, tags=tags)
        spans = _merged(span for find in finders for span in find(seen.text))
        text = _replaced(text, [(seen.written(start), seen.written(end)) for start, end in spans])
    return text


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the value we are: what that says about addresses and about names of keys."""

    addresses: bool = True
    identifiers: frozenset[str] = _IDENTIFIERS


def _redact(value: Any, place: _Place) -> Any:
    if isinstance(value, str):
        return redact_text(value, addresses=place.addresses)
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, inner in value.items():
            found[_new_name(redact_text(str(key)), found)] = _of_key(str(key), inner, place)
        return found
    if isinstance(value, list | tuple):
        if _is_header_field(value, place):
            return [value[0], _of_key(value[0], value[1], place)]
        return [_redact(inner, place) for inner in value]
    return value


def _new_name(name: str, taken: Container[str]) -> str:
    """The name, or one like it: two that are redacted alike must not become one."""
    while name in taken:
        name += "'"
    return name


def _of_key(key: str, value: Any, place: _Place) -> Any:
    name = key.lower().replace("_", "-")
    if name in place.identifiers and isinstance(value, str):
        return value
    if name in _ADDRESSES_STAY:
        return _redact(value, replace(place, addresses=False))
    if name == _HEADERS:
        return _redact(value, _Place(identifiers=_HEADER_IDENTIFIERS))
    return _redact(value, place)


def _is_header_field(value: Sequence[Any], place: _Place) -> bool:
    """True for ``["To", "..."]``, as all fields of a header travel where names may repeat."""
    in_header = place.identifiers is _HEADER_IDENTIFIERS
    return in_header and len(value) == 2 and all(isinstance(item, str) for item in value)


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans in their order; those that overlap are one."""
    begin = end = -1
    for start, stop in sorted(spans):
        if start < end:
            end = max(end, stop)
            continue
        if end >= 0:
            yield begin, end
        begin, end = start, stop
    if end >= 0:
        yield begin, end


def _replaced(text: str, spans: Iterable[tuple[int, int]]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces += (text[done:start], REDACTED, bare_tags(text[start:end]))
        done = end
    return "".join([*pieces, text[done:]]) if pieces else text
