"""ID: who is who (RFC 2971).

::

    id             = "ID" SP id-params-list
    id-params-list = "(" [string SP nstring *(SP string SP nstring)] ")" / nil
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sage_imap.errors import LocalProtocolError
from sage_imap.protocol.command import Command, Part, Text

__all__ = ["identify"]

# RFC 2971 section 3.3.
_MOST_FIELDS: Final = 30
_LONGEST_KEY: Final = 30
_LONGEST_VALUE: Final = 1024


def identify(fields: Mapping[str, str | None] | None = None) -> Command:
    """Say who we are (``{"name": "sage"}``) and ask who the server is.

    163.com and its like refuse SELECT until this was sent.
    """
    if not isinstance(fields, Mapping | None):
        raise LocalProtocolError(
            'ID takes a mapping of what to say of oneself: {"name": "..."}; nothing was sent'
        )
    if not fields:
        return Command("ID", (b"NIL",), needs=("ID",))
    if len(fields) > _MOST_FIELDS:
        raise LocalProtocolError(f"ID takes at most {_MOST_FIELDS} fields; nothing was sent")
    parts: list[Part] = []
    for key, value in fields.items():
        if not isinstance(key, str) or not isinstance(value, str | None):
            raise LocalProtocolError("the fields of ID are texts; nothing was sent")
        if len(key) > _LONGEST_KEY or len(value or "") > _LONGEST_VALUE:
            raise LocalProtocolError("a field of ID is too long; nothing was sent")
        # No blank inside the parentheses: some servers refuse it.
        parts += (b" " if parts else b"(", Text(key), b" ")
        parts.append(b"NIL" if value is None else Text(value))
    return Command("ID", (*parts, b")"), needs=("ID",))
