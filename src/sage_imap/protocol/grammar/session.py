"""Responses about the session and the selected mailbox: CAPABILITY, ENABLED, ID, FLAGS, VANISHED.

RFC 9051 sections 7.2.2, 7.2.1 and 7.3.5, RFC 2971, RFC 5161, RFC 7162 section 3.2.10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sage_imap.protocol.events import (
    CapabilitiesReceived,
    ExtensionsEnabled,
    FlagsReceived,
    IDReceived,
    VanishedReceived,
)
from sage_imap.protocol.grammar.items import decode_flags
from sage_imap.protocol.grammar.text import decode_text
from sage_imap.protocol.grammar.tokens import (
    Scanner,
    Unreadable,
    Value,
    as_list,
    as_text,
    atom_text,
    string,
)
from sage_imap.protocol.sets import UIDSet

if TYPE_CHECKING:
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = [
    "decode_capability",
    "decode_enabled",
    "decode_flag_list",
    "decode_id",
    "decode_vanished",
]


def decode_capability(scanner: Scanner, context: DecodeContext) -> CapabilitiesReceived:
    """A CAPABILITY response."""
    return CapabilitiesReceived(_names(scanner))


def decode_enabled(scanner: Scanner, context: DecodeContext) -> ExtensionsEnabled:
    """An ENABLED response."""
    return ExtensionsEnabled(_names(scanner))


def _names(scanner: Scanner) -> tuple[str, ...]:
    if scanner.data[-1:] == b" ":
        scanner.tolerate("quirk_extra_space")
    return tuple(decode_text(scanner.data[scanner.position :]).upper().split())


def decode_flag_list(scanner: Scanner, context: DecodeContext) -> FlagsReceived:
    """A FLAGS response."""
    return FlagsReceived(decode_flags(_only(scanner.rest())))


def decode_id(scanner: Scanner, context: DecodeContext) -> IDReceived:
    """An ID response; NIL tells nothing."""
    values = as_list(_only(scanner.rest()))
    if len(values) % 2:
        raise Unreadable("a field has no value")
    return IDReceived(
        {
            atom_text(name).lower(): as_text(value)
            for name, value in zip(values[::2], values[1::2], strict=True)
        }
    )


def decode_vanished(scanner: Scanner, context: DecodeContext) -> VanishedReceived:
    """A VANISHED response, with or without EARLIER."""
    values = scanner.rest()
    earlier = bool(values) and isinstance(values[0], list)
    if earlier:
        if [atom_text(word).upper() for word in as_list(values[0])] != ["EARLIER"]:
            raise Unreadable("EARLIER was expected")
        values = values[1:]
    return VanishedReceived(UIDSet.parse(string(_only(values))), earlier)


def _only(values: list[Value]) -> Value:
    if len(values) != 1:
        raise Unreadable("exactly one value was expected")
    return values[0]
