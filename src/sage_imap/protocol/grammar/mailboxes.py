"""Responses about mailboxes: LIST, LSUB, XLIST, STATUS, NAMESPACE.

RFC 9051 sections 7.3.1 to 7.3.5, RFC 5258 (extended LIST), RFC 6154 (SPECIAL-USE), RFC 2342.

``quirk_unquoted_name``
    a mailbox name with spaces in it and without quotes.
``quirk_empty_delimiter``
    ``""`` in place of NIL: the namespace is flat.
``quirk_duplicate_attribute``
    an attribute that is sent twice counts once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sage_imap.protocol.events import ListReceived, NamespaceReceived, StatusReceived
from sage_imap.protocol.grammar.text import decode_text
from sage_imap.protocol.grammar.tokens import (
    Scanner,
    Unreadable,
    Value,
    as_list,
    as_number,
    as_text,
    atom_text,
    string,
)
from sage_imap.protocol.mailbox_names import decode_name

if TYPE_CHECKING:
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = ["decode_list", "decode_mailbox", "decode_namespace", "decode_status"]

_NOT_SELECTABLE: Final = frozenset({"\\noselect", "\\nonexistent"})
# RFC 6154 section 2, RFC 8457, and the names of the older XLIST.
_SPECIAL_USES: Final = {
    "\\all": "all",
    "\\allmail": "all",
    "\\archive": "archive",
    "\\drafts": "drafts",
    "\\flagged": "flagged",
    "\\important": "important",
    "\\junk": "junk",
    "\\sent": "sent",
    "\\spam": "junk",
    "\\starred": "flagged",
    "\\trash": "trash",
}
_TEXT_ITEMS: Final = frozenset({"MAILBOXID"})
_NAME: Final = 2


def decode_mailbox(value: Value, context: DecodeContext) -> str:
    """The name of a mailbox; INBOX in any case is INBOX."""
    return _mailbox_name(string(value), context)


def _mailbox_name(raw: bytes, context: DecodeContext) -> str:
    if len(raw) == len("INBOX") and raw.upper() == b"INBOX":
        return "INBOX"
    return decode_name(raw, utf8=context.utf8)


def decode_list(scanner: Scanner, context: DecodeContext) -> ListReceived:
    """A LIST response and its kin."""
    values = scanner.rest()
    if len(values) <= _NAME:
        raise Unreadable("attributes, delimiter and name were expected")
    raw_name, extended = _name_and_rest(values[_NAME:], scanner)
    attributes = _attributes(as_list(values[0]), scanner)
    folded = [attribute.lower() for attribute in attributes]
    items = _extended(extended)
    old_name = items.get("OLDNAME")
    child_info = items.get("CHILDINFO")
    return ListReceived(
        name=_mailbox_name(raw_name, context),
        raw_name=raw_name,
        delimiter=_delimiter(values[1], scanner),
        attributes=attributes,
        selectable=bool(raw_name) and _NOT_SELECTABLE.isdisjoint(folded),
        special_use=next((_SPECIAL_USES[a] for a in folded if a in _SPECIAL_USES), None),
        old_name=_old_name(old_name, context) if old_name else None,
        child_info=None if child_info is None else tuple(atom_text(item) for item in child_info),
    )


def _attributes(values: list[Value], scanner: Scanner) -> tuple[str, ...]:
    attributes: dict[str, str] = {}
    for value in values:
        attribute = atom_text(value)
        if attributes.setdefault(attribute.lower(), attribute) is not attribute:
            scanner.tolerate("quirk_duplicate_attribute")
    return tuple(attributes.values())


def _delimiter(value: Value, scanner: Scanner) -> str | None:
    delimiter = as_text(value)
    if delimiter == "":
        scanner.tolerate("quirk_empty_delimiter")
    return delimiter or None


def _name_and_rest(values: list[Value], scanner: Scanner) -> tuple[bytes, list[Value]]:
    """The name that *values* begin with, and the lists behind it."""
    words = [string(values[0])]
    for value in values[1:]:
        if isinstance(value, list):
            break
        if not isinstance(value, str) or not isinstance(values[0], str):
            raise Unreadable("a list was expected behind the name of a mailbox")
        words.append(string(value))
    if len(words) > 1:
        scanner.tolerate("quirk_unquoted_name")
    return b" ".join(words), values[len(words) :]


def _extended(values: list[Value]) -> dict[str, list[Value]]:
    """Extended data of a LIST by its tag (RFC 9051 section 9, mbox-list-extended)."""
    pairs = as_list(values[0]) if values else []
    return {
        atom_text(name).upper(): item if isinstance(item, list) else [item]
        for name, item in zip(pairs[::2], pairs[1::2], strict=False)
    }


def _old_name(values: list[Value], context: DecodeContext) -> str:
    return decode_mailbox(values[0], context)


def decode_status(scanner: Scanner, context: DecodeContext) -> StatusReceived:
    """A STATUS response."""
    values = scanner.rest()
    if not values:
        raise Unreadable("the name of a mailbox was expected")
    raw_name, rest = _name_and_rest(values, scanner)
    if len(rest) != 1:
        raise Unreadable("a list of status items was expected")
    pairs = as_list(rest[0])
    if len(pairs) % 2:
        raise Unreadable("a status item has no value")
    items = {
        (name := atom_text(key).upper()): _status_item(name, value)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True)
    }
    return StatusReceived(_mailbox_name(raw_name, context), items)


def _status_item(name: str, value: Value) -> int | str | None:
    if value is None:
        return None
    if isinstance(value, list):
        if len(value) != 1:
            raise Unreadable("the value of a status item was expected")
        return as_text(value[0])
    if name in _TEXT_ITEMS:
        return as_text(value)
    return as_number(value)


def decode_namespace(scanner: Scanner, context: DecodeContext) -> NamespaceReceived:
    """A NAMESPACE response; kinds that are left out at the end do not exist."""
    kinds = [_namespaces(value, context) for value in scanner.rest()[:3]]
    return NamespaceReceived(*kinds)


def _namespaces(value: Value, context: DecodeContext) -> tuple[tuple[str, str | None], ...]:
    found: list[tuple[str, str | None]] = []
    for item in as_list(value):
        if not isinstance(item, list) or len(item) < _NAME:
            raise Unreadable("a prefix and a delimiter were expected")
        delimiter = None if item[1] is None else decode_text(string(item[1]))
        found.append((decode_name(string(item[0]), utf8=context.utf8), delimiter or None))
    return tuple(found)
