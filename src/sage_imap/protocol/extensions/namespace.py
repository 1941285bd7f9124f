"""NAMESPACE: where mailboxes live (RFC 2342).

::

    Namespace_Command = "NAMESPACE"
"""

from __future__ import annotations

from sage_imap.protocol.command import Command

__all__ = ["namespace"]


def namespace() -> Command:
    """Ask for prefixes and delimiters; answered by `NamespaceReceived`."""
    return Command("NAMESPACE", needs=("NAMESPACE",))
