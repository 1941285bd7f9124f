"""ENVELOPE (RFC 9051 section 7.5.2).

::

    envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP
               env-cc SP env-bcc SP env-in-reply-to SP env-message-id ")"
    address  = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"

Nearly every envelope is read by one expression, and its fields are decoded when they are first
asked for. Those that the expression does not fit are read value by value:

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
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sage_imap.models.address import EmailAddress
from sage_imap.models.envelope import Envelope
from sage_imap.protocol.grammar.dates import decode_header_date
from sage_imap.protocol.grammar.text import decode_text, decode_words
from sage_imap.protocol.grammar.tokens import Scanner, Unreadable, Value, as_text, string

__all__ = ["NSTRING", "PLAIN_ENVELOPE", "envelope_of", "plain_envelope"]

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
_ESCAPE: Final = re.compile(rb'\\(["\\])')
_NIL: Final = b"NIL"
_FIELDS: Final = 10
_FEWEST_FIELDS: Final = 2
_ADDRESS_FIELDS: Final = 4
_LONGEST_CACHED: Final = 512  # octets; with the size of the cache it bounds its memory

Fields = tuple[bytes, ...]


class _LazyEnvelope(Envelope):
    """An envelope that decodes a field when it is first asked for."""

    __slots__ = ("_raw",)
    _raw: Fields

    def __getattr__(self, name: str) -> object:
        # Reached only where the slot of a field is empty still.
        decode = _DECODERS.get(name)
        if decode is None:
            raise AttributeError(name)
        value = decode(self._raw)
        object.__setattr__(self, name, value)
        return value


_set_raw: Final[Any] = _LazyEnvelope.__dict__["_raw"].__set__  # the slot, past "frozen"


def plain_envelope(fields: Fields) -> Envelope:
    """The envelope whose ten fields were matched by `PLAIN_ENVELOPE`."""
    envelope = _LazyEnvelope.__new__(_LazyEnvelope)
    _set_raw(envelope, fields)
    return envelope


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
    return _cached_addresses(raw) if len(raw) <= _LONGEST_CACHED else _match_addresses(raw)


def _match_addresses(raw: bytes) -> tuple[EmailAddress, ...]:
    return _members([[_unquoted(field) for field in found] for found in _ADDRESS.findall(raw)])


# Senders and recipients recur; an entry holds about 2 KiB at most.
_cached_addresses = lru_cache(maxsize=2048)(_match_addresses)


def _date(fields: Fields) -> datetime | None:
    text = _plain_text(fields[0])
    return decode_header_date(text) if text else None


def _subject(fields: Fields) -> str:
    content = _unquoted(fields[1])
    return decode_words(content) if content else ""


_DECODERS: Final[dict[str, Callable[[Fields], object]]] = {
    "date": _date,
    "date_raw": lambda fields: _plain_text(fields[0]),
    "subject": _subject,
    "from_": lambda fields: _plain_addresses(fields[2]),
    "sender": lambda fields: _plain_addresses(fields[3]),
    "reply_to": lambda fields: _plain_addresses(fields[4]),
    "to": lambda fields: _plain_addresses(fields[5]),
    "cc": lambda fields: _plain_addresses(fields[6]),
    "bcc": lambda fields: _plain_addresses(fields[7]),
    "in_reply_to": lambda fields: _plain_text(fields[8]),
    "message_id": lambda fields: _plain_text(fields[9]),
    "subject_raw": lambda fields: _plain_text(fields[1]),
}
