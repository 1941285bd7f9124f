"""The keyword by which a message on the server says that it has been processed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["PROCESSED", "is_permitted"]

#: Other programs see it too, and may leave such messages alone.
PROCESSED: Final = "$SageProcessed"

# RFC 9051 section 7.1, PERMANENTFLAGS: new keywords may be made.
_ANY: Final = "\\*"


def is_permitted(flag: str, permanent_flags: Iterable[str]) -> bool:
    """Whether a mailbox with these PERMANENTFLAGS keeps the flag beyond the session."""
    known = {permanent.lower() for permanent in permanent_flags}
    return _ANY in known or flag.lower() in known
