"""Responses about quotas, rights and annotations.

RFC 9208 (QUOTA), RFC 4314 (ACL), RFC 5464 (METADATA).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sage_imap.protocol.events import (
    ACLReceived,
    ListRightsReceived,
    MetadataReceived,
    MyRightsReceived,
    QuotaReceived,
    QuotaRootReceived,
)
from sage_imap.protocol.grammar.mailboxes import decode_mailbox
from sage_imap.protocol.grammar.tokens import (
    Scanner,
    Unreadable,
    Value,
    as_list,
    as_number,
    as_text,
    atom_text,
)

if TYPE_CHECKING:
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = [
    "decode_acl",
    "decode_list_rights",
    "decode_metadata",
    "decode_my_rights",
    "decode_quota",
    "decode_quota_root",
]


def decode_quota(scanner: Scanner, context: DecodeContext) -> QuotaReceived:
    """A QUOTA response."""
    root, resources = _at_least(2, scanner)
    values = as_list(resources)
    if len(values) % 3:
        raise Unreadable("a resource has no limit")
    return QuotaReceived(
        atom_text(root),
        {
            atom_text(name).upper(): (as_number(used), as_number(limit))
            for name, used, limit in zip(values[::3], values[1::3], values[2::3], strict=True)
        },
    )


def decode_quota_root(scanner: Scanner, context: DecodeContext) -> QuotaRootReceived:
    """A QUOTAROOT response."""
    mailbox, *roots = _at_least(1, scanner)
    return QuotaRootReceived(
        decode_mailbox(mailbox, context), tuple(atom_text(root) for root in roots)
    )


def decode_acl(scanner: Scanner, context: DecodeContext) -> ACLReceived:
    """An ACL response."""
    mailbox, *pairs = _at_least(1, scanner)
    if len(pairs) % 2:
        raise Unreadable("an identifier has no rights")
    rights = {
        atom_text(identifier): atom_text(granted)
        for identifier, granted in zip(pairs[::2], pairs[1::2], strict=True)
    }
    return ACLReceived(decode_mailbox(mailbox, context), rights)


def decode_list_rights(scanner: Scanner, context: DecodeContext) -> ListRightsReceived:
    """A LISTRIGHTS response."""
    mailbox, identifier, required, *optional = _at_least(3, scanner)
    return ListRightsReceived(
        decode_mailbox(mailbox, context),
        atom_text(identifier),
        atom_text(required),
        tuple(atom_text(group) for group in optional),
    )


def decode_my_rights(scanner: Scanner, context: DecodeContext) -> MyRightsReceived:
    """A MYRIGHTS response."""
    mailbox, rights = _at_least(2, scanner)[:2]
    return MyRightsReceived(decode_mailbox(mailbox, context), atom_text(rights))


def decode_metadata(scanner: Scanner, context: DecodeContext) -> MetadataReceived:
    """A METADATA response, with values or with names only."""
    mailbox, *entries = _at_least(1, scanner)
    name = decode_mailbox(mailbox, context)
    if len(entries) != 1 or not isinstance(entries[0], list):
        return MetadataReceived(name, names=tuple(atom_text(entry) for entry in entries))
    values = entries[0]
    if len(values) % 2:
        raise Unreadable("an entry has no value")
    return MetadataReceived(
        name,
        {
            atom_text(entry).lower(): as_text(value)
            for entry, value in zip(values[::2], values[1::2], strict=True)
        },
    )


def _at_least(count: int, scanner: Scanner) -> list[Value]:
    values = scanner.rest()
    if len(values) < count:
        raise Unreadable("a value is missing")
    return values
