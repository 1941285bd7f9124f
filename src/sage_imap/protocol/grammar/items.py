"""The values of FETCH items, one by one, for rows that are not plain.

RFC 9051 section 7.5.2, RFC 7162 (MODSEQ), RFC 8474 (EMAILID, THREADID), RFC 8514 (SAVEDATE),
RFC 8970 (PREVIEW), and Gmail's extensions.

``quirk_no_date``
    an INTERNALDATE or SAVEDATE that is no date, such as one of zeros: None.
``quirk_bare_modseq``
    a MODSEQ without its parentheses.
"""

from __future__ import annotations

from typing import Final

from sage_imap.protocol.grammar.bodystructure import structure_of
from sage_imap.protocol.grammar.dates import decode_internal_date
from sage_imap.protocol.grammar.envelope import envelope_of
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

__all__ = ["decode_flags", "read_item", "read_section", "section_name"]


def section_name(section: str) -> str:
    """The section between the brackets in upper case and with bare header names."""
    text = section.upper().replace('"', "")
    return " ".join(text.split()).replace("( ", "(").replace(" )", ")")


def read_section(name: str, value: Value) -> object:
    """The value of an item with a section: octets, None, or the number that BINARY.SIZE is."""
    if name == "BINARY.SIZE":
        return as_number(value)
    return None if value is None else string(value)


def read_item(name: str, scanner: Scanner) -> object:
    """The value of the item *name*, read from *scanner*."""
    read = _READERS.get(name)
    value = scanner.value()
    return _unknown(value) if read is None else read(value, scanner)


def _number(value: Value, scanner: Scanner) -> int:
    return as_number(value)


def _octets(value: Value, scanner: Scanner) -> bytes | None:
    return None if value is None else string(value)


def _flags(value: Value, scanner: Scanner) -> tuple[str, ...]:
    return decode_flags(value)


def _date(value: Value, scanner: Scanner) -> object:
    if value is None:
        return None
    date = decode_internal_date(string(value).decode("latin-1"))
    if date is None:
        scanner.tolerate("quirk_no_date")
    return date


def _bracketed(value: Value, scanner: Scanner) -> object:
    """EMAILID and THREADID stand alone in parentheses (RFC 8474 section 7)."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 1:
        raise Unreadable("one value in parentheses was expected")
    return as_text(value[0])


def _modseq(value: Value, scanner: Scanner) -> int:
    if isinstance(value, list) and len(value) == 1:
        return as_number(value[0])
    scanner.tolerate("quirk_bare_modseq")
    return as_number(value)


def _preview(value: Value, scanner: Scanner) -> str | None:
    return as_text(value)


def _envelope(value: Value, scanner: Scanner) -> object:
    return None if value is None else envelope_of(value, scanner)


def _structure(value: Value, scanner: Scanner) -> object:
    return None if value is None else structure_of(value, scanner)


def _unknown(value: Value) -> object:
    """The value of an item that nobody knows, in plain Python."""
    if isinstance(value, list):
        return tuple(_unknown(item) for item in value)
    return as_text(value)


_READERS: Final = {
    "BODY": _structure,
    "BODYSTRUCTURE": _structure,
    "EMAILID": _bracketed,
    "ENVELOPE": _envelope,
    "FLAGS": _flags,
    "INTERNALDATE": _date,
    "MODSEQ": _modseq,
    "PREVIEW": _preview,
    "RFC822": _octets,
    "RFC822.HEADER": _octets,
    "RFC822.SIZE": _number,
    "RFC822.TEXT": _octets,
    "SAVEDATE": _date,
    "THREADID": _bracketed,
    "X-GM-LABELS": _flags,
    "X-GM-MSGID": _number,
    "X-GM-THRID": _number,
}


def decode_flags(value: Value) -> tuple[str, ...]:
    """The flags or labels of a list; NIL is none."""
    return tuple(atom_text(flag) for flag in as_list(value))
