"""ENVELOPE (RFC 9051 section 7.5.2).

::

    envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP
               env-cc SP env-bcc SP env-in-reply-to SP env-message-id ")"
    address  = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"

Nearly every envelope is read by one expression, and its fields are decoded when the first of them
is asked for. Those that the expression does not fit are read value by value:

``quirk_short_envelope``
    fields are missing at the end: they are NIL.
``quirk_nil_address``
    NIL stands among the addresses of a list: it is passed over.
``quirk_empty_address_list``
    ``()`` stands for a list without addresses, where NIL is due.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import lru_cache, partial
from typing import Any, Final

from sage_imap.models.address import EmailAddress
from sage_imap.models.envelope import Envelope
from sage_imap.protocol.grammar.dates import decode_header_date
from sage_imap.protocol.grammar.text import decode_text, decode_words, decode_words_in
from sage_imap.protocol.grammar.tokens import Scanner, Unreadable, Value, as_text, string

__all__ = ["NSTRING", "PLAIN_ENVELOPE", "envelope_of", "plain_envelope", "simple_envelope"]

NSTRING: Final = rb'(?:"[^"\\\x00\r\n]*+(?>(?:\\["\\][^"\\\x00\r\n]*+)*)"|NIL)'
_ADDRESSES: Final = rb"(?:NIL|\((?>(?:\(" + rb" ".join([NSTRING] * 4) + rb"\))+)\))"
PLAIN_ENVELOPE: Final = (
    rb"\("
    + rb" ".join(
        [rb"(" + NSTRING + rb")"] * 2
        + [rb"(" + _ADDRESSES + rb")"] * 6
        + [rb"(" + NSTRING + rb")"] * 2
    )
    + rb"\)"
)
"""An envelope without literals or oddities: ten groups, one for each field."""

_ADDRESS: Final = re.compile(rb"\(" + rb" ".join([rb"(" + NSTRING + rb")"] * 4) + rb"\)")
_SIMPLE_ADDRESS: Final = re.compile(
    r'\((?:"([^"]*+)"|NIL) (?:"[^"]*+"|NIL) "([^"]*+)" "([^"]*+)"\)'
)
_ESCAPE: Final = re.compile(rb'\\(["\\])')
_NIL: Final = b"NIL"
_FIELDS: Final = 10
_FEWEST_FIELDS: Final = 2
_ADDRESS_FIELDS: Final = 4
_LONGEST_CACHED: Final = 512  # octets; with the size of the cache it bounds its memory

Fields = tuple[bytes, ...]
Texts = tuple[str | None, ...]
Values = tuple[Any, ...]
"""The fields of an `Envelope`, in their order."""


class _LazyEnvelope(Envelope):
    """An envelope that decodes its fields when the first of them is asked for."""

    __slots__ = ("_decode", "_found", "_raw")
    _raw: Any
    _decode: Callable[[Any], Values]

    def __reduce__(self) -> tuple[type[Envelope], Values]:
        return Envelope, _values_of(self)


def _values_of(envelope: _LazyEnvelope) -> Values:
    values: Values | None = _get_values(envelope)
    if values is None:
        values = envelope._decode(envelope._raw)  # noqa: SLF001 - the module's own class
        _set_values(envelope, values)
        _set_raw(envelope, None)
    return values


def _reader(index: int) -> property:
    def read(envelope: _LazyEnvelope) -> object:
        return (_get_values(envelope) or _values_of(envelope))[index]

    return property(read)


for _index, _field in enumerate(fields(Envelope)):
    setattr(_LazyEnvelope, _field.name, _reader(_index))
del _index, _field

# The slots, past "frozen".
_get_values: Final[Any] = _LazyEnvelope.__dict__["_found"].__get__
_set_values: Final[Any] = _LazyEnvelope.__dict__["_found"].__set__
_set_raw: Final[Any] = _LazyEnvelope.__dict__["_raw"].__set__
_set_decode: Final[Any] = _LazyEnvelope.__dict__["_decode"].__set__


def _lazy(raw: object, decode: Callable[[Any], Values]) -> Envelope:
    envelope = _LazyEnvelope.__new__(_LazyEnvelope)
    _set_raw(envelope, raw)
    _set_decode(envelope, decode)
    _set_values(envelope, None)
    return envelope


def plain_envelope(raw: Fields) -> Envelope:
    """The envelope whose ten fields were matched by `PLAIN_ENVELOPE`."""
    return _lazy(raw, _plain_values)


def simple_envelope(raw: Texts) -> Envelope:
    """The envelope of ten texts without backslashes: strings without their quotes, lists whole."""
    return _lazy(raw, _simple_values)


def _plain_values(raw: Fields) -> Values:
    date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id = raw
    date_raw, subject_raw = _plain_text(date), _plain_text(subject)
    return (
        decode_header_date(date_raw) if date_raw else None,
        date_raw,
        decode_words_in(subject_raw) if subject_raw else "",
        *map(_plain_addresses, (from_, sender, reply_to, to, cc, bcc)),
        _plain_text(in_reply_to),
        _plain_text(message_id),
        subject_raw,
    )


def _simple_values(raw: Texts) -> Values:
    date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id = raw
    authors = _simple_addresses(from_)
    return (
        decode_header_date(date) if date else None,
        date,
        decode_words_in(subject) if subject else "",
        authors,
        # Servers put From where the other two are missing (RFC 9051 section 7.5.2).
        authors if sender == from_ else _simple_addresses(sender),
        authors if reply_to == from_ else _simple_addresses(reply_to),
        _simple_addresses(to),
        _simple_addresses(cc),
        _simple_addresses(bcc),
        in_reply_to,
        message_id,
        subject,
    )


# Names recur where addresses do not; an entry holds about 2 KiB at most.
_cached_words = lru_cache(maxsize=2048)(decode_words_in)
# What the three texts of a match are made into, without a call of Python's own for each.
_as_address: Final[Any] = partial(tuple.__new__, EmailAddress)


def _simple_addresses(text: str | None) -> tuple[EmailAddress, ...]:
    if text is None or text == "NIL":
        return ()
    found = _SIMPLE_ADDRESS.findall(text)
    if not ("=?" in text or "\n" in text or "\r" in text):
        return tuple(map(_as_address, found))
    words = _cached_words if len(text) <= _LONGEST_CACHED else _words
    if len(found) == 1:  # as nearly every From is
        name, mailbox, host = found[0]
        return (_as_address((words(name), mailbox, host)),)
    return tuple([_as_address((words(name), mailbox, host)) for name, mailbox, host in found])


def _words(name: str) -> str:
    return _cached_words(name) if len(name) <= _LONGEST_CACHED else decode_words_in(name)


def envelope_of(value: Value, scanner: Scanner) -> Envelope:
    """The envelope that *value*, a list, stands for."""
    if not isinstance(value, list) or len(value) < _FEWEST_FIELDS:
        raise Unreadable("an envelope was expected")
    if len(value) < _FIELDS:
        scanner.tolerate("quirk_short_envelope")
        value = [*value, *([None] * (_FIELDS - len(value)))]
    date_raw = as_text(value[0])
    subject = None if value[1] is None else string(value[1])
    from_, sender, reply_to, to, cc, bcc = (_addresses_of(item, scanner) for item in value[2:8])
    return Envelope(
        decode_header_date(date_raw) if date_raw else None,
        date_raw,
        decode_words(subject) if subject else "",
        from_,
        sender,
        reply_to,
        to,
        cc,
        bcc,
        as_text(value[8]),
        as_text(value[9]),
        None if subject is None else decode_text(subject),
    )


def _addresses_of(value: Value, scanner: Scanner) -> tuple[EmailAddress, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Unreadable("a list of addresses was expected")
    if not value:
        scanner.tolerate("quirk_empty_address_list")
    return _members([_address_fields(item) for item in value if _is_address(item, scanner)])


def _is_address(value: Value, scanner: Scanner) -> bool:
    if value is None:
        scanner.tolerate("quirk_nil_address")
    return value is not None


def _address_fields(value: Value) -> Sequence[bytes | None]:
    if not isinstance(value, list) or len(value) != _ADDRESS_FIELDS:
        raise Unreadable("an address was expected")
    return [None if field is None else string(field) for field in value]


def _members(addresses: Sequence[Sequence[bytes | None]]) -> tuple[EmailAddress, ...]:
    """The addresses without the markers of groups (RFC 9051 section 7.5.2, address structure).

    A mailbox without a host begins a group and one without either ends it. What begins a group
    that never ends is a local user without a host, and kept.
    """
    found: list[EmailAddress] = []
    opened: int | None = None
    for name, _, mailbox, host in addresses:
        if host is None and mailbox is None:
            if opened is not None:
                del found[opened]
                opened = None
            continue
        if host is None:
            opened = len(found)
        found.append(
            EmailAddress(
                decode_words(name) if name else "",
                decode_text(mailbox) if mailbox else "",
                decode_text(host) if host else "",
            )
        )
    return tuple(found)


def _unquoted(raw: bytes) -> bytes | None:
    if raw == _NIL:
        return None
    content = raw[1:-1]
    return _ESCAPE.sub(rb"\1", content) if b"\\" in content else content


def _plain_text(raw: bytes) -> str | None:
    content = _unquoted(raw)
    return None if content is None else decode_text(content)


def _plain_addresses(raw: bytes) -> tuple[EmailAddress, ...]:
    if raw == _NIL:
        return ()
    return _members([[_unquoted(field) for field in found] for found in _ADDRESS.findall(raw)])
