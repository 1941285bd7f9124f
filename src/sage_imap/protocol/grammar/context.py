"""What decoding needs to know beside the bytes of the response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sage_imap.protocol.events import Handle
    from sage_imap.protocol.limits import Limits
    from sage_imap.protocol.quirks import Quirks

__all__ = ["DecodeContext"]


@dataclass(slots=True)
class DecodeContext:
    """The state of a connection as far as the meaning of a response depends on it.

    A connection keeps one and changes it as it goes. ``utf8`` is true once UTF8=ACCEPT or
    IMAP4rev2 is enabled (mailbox names are then UTF-8, not modified UTF-7); ``handles`` are the
    commands in flight by their tag; ``greeting`` is true until the first response came.
    """

    limits: Limits
    quirks: Quirks
    utf8: bool = False
    handles: Mapping[bytes, Handle] = field(default_factory=dict)
    greeting: bool = False
