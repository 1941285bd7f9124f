"""IDLE: news as they happen (RFC 2177).

::

    command_auth =/ idle
    idle         = "IDLE" CRLF "DONE"

After the continuation, `Connection.send_line` of ``DONE`` ends it. The server may end it first.
"""

from __future__ import annotations

from sage_imap.protocol.command import Command

__all__ = ["idle"]


def idle() -> Command:
    """Ask to be told of news until DONE is sent."""
    return Command("IDLE", needs=("IDLE",))
