"""The sans-IO core: bytes in, facts out. Nothing below this package does IO or knows a clock."""

from __future__ import annotations

from sage_imap.protocol import events, sets
from sage_imap.protocol.command import Command, Literal
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.events import NEED_DATA
from sage_imap.protocol.limits import Limits
from sage_imap.protocol.quirks import Quirks
from sage_imap.protocol.state import ConnectionState

__all__ = [
    "NEED_DATA",
    "Command",
    "Connection",
    "ConnectionState",
    "Limits",
    "Literal",
    "Quirks",
    "events",
    "sets",
]
