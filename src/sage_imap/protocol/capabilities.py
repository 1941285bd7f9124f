"""What a set of capabilities offers, with what some of them imply."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

__all__ = ["offers", "speaks_utf8"]

# RFC 9051 appendix E: what IMAP4rev2 took in. BINARY is in it for FETCH and literal8.
_IN_REV2: Final = frozenset(
    {
        "BINARY",
        "ENABLE",
        "ESEARCH",
        "IDLE",
        "LIST-EXTENDED",
        "LIST-STATUS",
        "LITERAL-",
        "MOVE",
        "NAMESPACE",
        "SASL-IR",
        "SEARCHRES",
        "SPECIAL-USE",
        "STATUS=SIZE",
        "UIDPLUS",
        "UNSELECT",
    }
)
_IMPLIED_BY: Final[dict[str, frozenset[str]]] = {
    # RFC 7162 section 3.2: who does QRESYNC does CONDSTORE and ENABLE.
    "QRESYNC": frozenset({"CONDSTORE", "ENABLE"}),
    "IMAP4REV2": _IN_REV2,
    "LITERAL+": frozenset({"LITERAL-"}),
    "UTF8=ONLY": frozenset({"UTF8=ACCEPT"}),
}


def offers(capabilities: AbstractSet[str], name: str) -> bool:
    """Whether *capabilities*, in upper case, hold *name* or something that implies it."""
    name = name.upper()
    return name in capabilities or any(
        name in implied for holder, implied in _IMPLIED_BY.items() if holder in capabilities
    )


def speaks_utf8(capabilities: AbstractSet[str], enabled: AbstractSet[str]) -> bool:
    """Whether names and text are UTF-8 on the wire (RFC 6855 section 3, RFC 9051 section 5.1).

    A server that is IMAP4rev2 and not IMAP4rev1 needs no ENABLE for it.
    """
    if enabled & {"UTF8=ACCEPT", "UTF8=ONLY", "IMAP4REV2"}:
        return True
    return "IMAP4REV2" in capabilities and "IMAP4REV1" not in capabilities
