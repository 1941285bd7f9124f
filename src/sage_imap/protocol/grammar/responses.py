"""Which response it is, and who decodes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sage_imap.protocol.events import Event, ParseFailure

if TYPE_CHECKING:
    from sage_imap.protocol.framing import Frame
    from sage_imap.protocol.grammar.context import DecodeContext

__all__ = ["decode"]


def decode(frame: Frame, context: DecodeContext) -> list[Event]:
    """The events of one response, in order; a tagged one of no open command has none.

    Never raises: what cannot be understood is one `ParseFailure`.
    """
    return [ParseFailure("unknown response", frame.data[:1024])]
