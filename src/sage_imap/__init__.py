"""UID-first IMAP for Python, synchronous and asyncio.

`IMAPClient` is that of `sage_imap.services`, loaded when it is first asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False  # that of `typing`, without the milliseconds that it takes to load
if TYPE_CHECKING:
    from sage_imap.services import IMAPClient
else:

    def __getattr__(name: str) -> object:
        if name != "IMAPClient":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from sage_imap.services import IMAPClient

        return IMAPClient


__all__ = ["IMAPClient"]
