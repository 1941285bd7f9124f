"""From a framed response to the events that it establishes."""

from __future__ import annotations

from sage_imap.protocol.grammar.context import DecodeContext
from sage_imap.protocol.grammar.responses import decode, decode_rows

__all__ = ["DecodeContext", "decode", "decode_rows"]
