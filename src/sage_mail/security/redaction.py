"""Card numbers, social security numbers, IBANs and e-mail addresses taken out of text.

The laws of this module:

- A value is searched at any depth. What comes back is new; what was given is not changed.
- Identifiers are no text: the ids of events, hashes, names of accounts and Message-IDs stay, or
  nobody could tell which mail is meant.
- Where a person's address is the fact itself (``sender``, ``from``, ``to``, ``cc``, ``reply_to``,
  and these header fields) addresses stay; all else is taken out there too.
- Time is linear in the length of the text, whatever the text: each pattern is anchored at a
  character that it cannot repeat, or at groups that do not overlap.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import stdnum.iban
import stdnum.luhn
import stdnum.us.ssn

__all__ = ["REDACTED", "redact", "redact_text"]

REDACTED: Final = "[REDACTED]"

# Keys are compared in lower case with "-" for "_", so that they cover our names and header fields.
_ADDRESSES_STAY: Final = frozenset({"sender", "from", "to", "cc", "reply-to"})
_IDENTIFIERS: Final = frozenset({"id", "type", "account", "message-id", "sha256", "event-id"})
_HEADERS: Final = "headers"
_HEADER_IDENTIFIERS: Final = frozenset({"message-id", "in-reply-to", "references"})

# Digits in groups, as people write them; a letter or digit on either side makes it something else.
_DIGITS: Final = re.compile(r"(?<!\w)[0-9](?:[ \u00a0.-]?[0-9]){12,}(?!\w)")
_GROUP: Final = re.compile(r"[0-9]+")
_SHORTEST_CARD, _LONGEST_CARD = 13, 19
# Each digit doubled, with the digits of the result added up.
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")

_SSN: Final = re.compile(r"(?<![\w-])[0-9]{3}([- ])[0-9]{2}\1[0-9]{4}(?![\w-])")

_IBAN_START: Final = re.compile(r"(?<![^\W_])[A-Za-z]{2}[0-9]{2}(?=[ \u00a0]?[A-Za-z0-9])")
_IBAN_REST: Final = re.compile(r"(?:[ \u00a0]?[A-Za-z0-9]{1,4}){3,8}(?![^\W_])")
# A letter counts as two digits, A as 10 (ISO 13616-1).
_AS_DIGITS: Final = {ord(letter): str(int(letter, 36)) for letter in string.ascii_uppercase}

# The at sign as text, in a URL, and in HTML.
_AT: Final = re.compile(
    r"(?:@|\uff20|%40|&\#0{0,5}64;|&\#x0{0,5}40;|&commat;)"
    r"(?:(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,20}[^\W\d_][\w-]{1,62}|\[[0-9A-Fa-f:.]{2,64}\])",
    re.IGNORECASE,
)
_LOCAL: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]")
_LONGEST_LOCAL: Final = 320


def redact(value: Any) -> Any:
    """The JSON value without anything private in its texts; `REDACTED` stands in its place."""
    return _redact(value, _Place())


def redact_text(text: str, *, addresses: bool = True) -> str:
    """The text without card, social security and bank account numbers, and without addresses.

    With ``addresses=False`` e-mail addresses stay.
    """
    if addresses:
        text = _replace(text, _addresses(text))
    for find in (_ibans, _social_security_numbers, _cards):
        text = _replace(text, find(text))
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
        return {
            redact_text(str(key)): _of_key(str(key), inner, place) for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        if _is_header_field(value, place):
            return [value[0], _of_key(value[0], value[1], place)]
        return [_redact(inner, place) for inner in value]
    return value


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


_Span = tuple[int, int]


def _replace(text: str, spans: Iterator[_Span]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces += (text[done:start], REDACTED)
        done = end
    return "".join([*pieces, text[done:]]) if pieces else text


def _addresses(text: str) -> Iterator[_Span]:
    done = 0
    for match in _AT.finditer(text):
        start = _start_of_local(text, match.start(), max(done, match.start() - _LONGEST_LOCAL))
        if start < match.start():
            yield start, match.end()
            done = match.end()


def _start_of_local(text: str, at: int, earliest: int) -> int:
    """Where the local part that ends at *at* begins; *at* itself where there is none."""
    if at > earliest and text[at - 1] == '"':
        quote = text.rfind('"', earliest, at - 1)
        return at if quote < 0 else quote
    start = at
    while start > earliest and _LOCAL.match(text[start - 1]):
        start -= 1
    return start


def _social_security_numbers(text: str) -> Iterator[_Span]:
    for match in _SSN.finditer(text):
        # With hyphens it is meant to be one, whether it was ever given or not; with spaces it may
        # be any three numbers in a row.
        if match[1] == "-" or stdnum.us.ssn.is_valid(match[0].replace(" ", "-")):
            yield match.span()


def _cards(text: str) -> Iterator[_Span]:
    for match in _DIGITS.finditer(text):
        groups = [group.span() for group in _GROUP.finditer(text, *match.span())]
        first = 0
        while first < len(groups):
            last = _last_of_card(text, groups, first)
            if last is None:
                first += 1
                continue
            yield groups[first][0], groups[last][1]
            first = last + 1


def _last_of_card(text: str, groups: list[_Span], first: int) -> int | None:
    """The group with which a card number that begins with the group *first* ends."""
    digits = ""
    found = None
    for index in range(first, len(groups)):
        start, end = groups[index]
        if len(digits) + end - start > _LONGEST_CARD:
            break
        digits += text[start:end]
        if _is_card(digits):
            found = index
    return found


def _is_card(digits: str) -> bool:
    if len(digits) < _SHORTEST_CARD:
        return False
    # One number in ten passes Luhn's test. Issuers of cards begin with 2 to 6 (ISO/IEC 7812-1), and
    # a length other than 16 is rarer, so that milliseconds since 1970 are not taken for one.
    if len(digits) != 16 and digits[0] not in "3456":
        return False
    return _passes_luhn(digits) and stdnum.luhn.is_valid(digits)


def _passes_luhn(digits: str) -> bool:
    """Luhn's test, ten times as fast as the library's: text may be digits and nothing else."""
    doubled = digits[-2::-2].translate(_DOUBLED)
    return (sum(map(int, digits[-1::-2])) + sum(map(int, doubled))) % 10 == 0


def _ibans(text: str) -> Iterator[_Span]:
    done = 0
    for match in _IBAN_START.finditer(text):
        if match.start() < done:
            continue
        rest = _IBAN_REST.match(text, match.end())
        end = _end_of_iban(text, match.start(), rest.end()) if rest else None
        if end is not None:
            yield match.start(), end
            done = end


def _end_of_iban(text: str, start: int, end: int) -> int | None:
    """Where the account number ends: at *end*, or before one of the last words before it."""
    while end - start >= 15:
        number = text[start:end].replace(" ", "").replace("\u00a0", "").upper()
        if _passes_mod_97(number) and stdnum.iban.is_valid(number, check_country=False):
            return end
        end = max(text.rfind(" ", start, end), text.rfind("\u00a0", start, end))
    return None


def _passes_mod_97(number: str) -> bool:
    """ISO 7064 mod 97-10, before the slower look into the register of countries."""
    return number.isascii() and int((number[4:] + number[:4]).translate(_AS_DIGITS)) % 97 == 1
