"""UID FETCH (RFC 9051 section 6.4.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sage_imap.errors import LocalProtocolError
from sage_imap.protocol.arguments import message_set
from sage_imap.protocol.command import Command, Part
from sage_imap.protocol.extensions.condstore import changed_since_modifier
from sage_imap.protocol.sets import UIDSet

__all__ = ["fetch", "fetch_item"]

_PART: Final = r"[1-9][0-9]*(?:\.[1-9][0-9]*)*"
_FIELD: Final = r"[!#$&'+,\-./0-9;<=>?@A-Z^_`a-z|~]+"
_TEXT: Final = rf"(?:HEADER|TEXT|MIME|HEADER\.FIELDS(?:\.NOT)? \({_FIELD}(?: {_FIELD})*\))"
_PARTIAL: Final = r"(?:<[0-9]+\.[1-9][0-9]*>)?"
_ITEM: Final = re.compile(
    rf"[A-Z][A-Z0-9.-]*"
    rf"|BODY(?:\.PEEK)?\[(?:{_PART}(?:\.{_TEXT})?|{_TEXT})?\]{_PARTIAL}"
    rf"|BINARY(?:\.PEEK)?\[(?:{_PART})?\]{_PARTIAL}"
    rf"|BINARY\.SIZE\[(?:{_PART})?\]"
    r"|PREVIEW \(LAZY\)",
    re.IGNORECASE,
)
_MACROS: Final = frozenset({"ALL", "FAST", "FULL"})
_NEEDS: Final = {
    "BINARY": "BINARY",
    "MODSEQ": "CONDSTORE",
    "X-GM-LABELS": "X-GM-EXT-1",
    "X-GM-MSGID": "X-GM-EXT-1",
    "X-GM-THRID": "X-GM-EXT-1",
}


def fetch(uids: UIDSet | str, items: Iterable[str], *, changed_since: int | None = None) -> Command:
    """Ask for *items* of the messages *uids*.

    *items* are named as in RFC 9051, sections and partials included. BODY[...] without PEEK sets
    ``\\Seen``. *changed_since* leaves out messages whose mod-sequence is not above it, and
    asks for MODSEQ too.
    """
    names = [fetch_item(item) for item in items]
    if not names:
        raise LocalProtocolError("FETCH without an item; nothing was sent")
    listed = b"(" + b" ".join(name.encode("ascii") for name in names) + b")"
    parts: list[Part] = [message_set(uids), b" ", listed]
    needs = [_NEEDS[key] for key in map(_key, names) if key in _NEEDS]
    if changed_since is not None:
        parts.append(b" " + changed_since_modifier(changed_since))
        needs.append("CONDSTORE")
    return Command("UID FETCH", tuple(parts), needs=tuple(dict.fromkeys(needs)))


def fetch_item(item: str) -> str:
    """*item* if it is one; `LocalProtocolError` if not.

    The macros ALL, FAST and FULL are none: they cannot stand beside others.
    """
    if not isinstance(item, str):
        raise LocalProtocolError(
            f"an item of FETCH is a text, such as FLAGS, not {type(item).__name__}; "
            "nothing was sent"
        )
    name = str(item)
    if not _ITEM.fullmatch(name) or name.upper() in _MACROS:
        raise LocalProtocolError(f"{name!r} is no item of FETCH; nothing was sent")
    return name


def _key(name: str) -> str:
    return re.split(r"\.PEEK|\.SIZE|\[", name.upper())[0]
