"""ENABLE (RFC 5161).

::

    capability    =/ "ENABLE"
    command-auth  =/ "ENABLE" 1*(SP capability)
"""

from __future__ import annotations

from sage_imap.errors import LocalProtocolError
from sage_imap.protocol.arguments import atom
from sage_imap.protocol.command import Command

__all__ = ["enable"]


def enable(*names: str) -> Command:
    """Switch extensions on; `ExtensionsEnabled` says which the server did."""
    if not names:
        raise LocalProtocolError("ENABLE without an extension; nothing was sent")
    words = b" ".join(atom(name, "an extension") for name in names)
    return Command("ENABLE", (words,), needs=("ENABLE",))
