"""Every response.

Invariant: a response that was framed is decoded without an exception; what cannot be understood is
one `ParseFailure`, whose raw part is bounded; and the response behind it is read as if alone.
"""

from __future__ import annotations

from fuzz.shapes import mutated
from sage_imap.errors import RemoteProtocolError
from sage_imap.protocol.events import ExistsReceived, ParseFailure
from sage_imap.protocol.framing import Frame, Framer
from sage_imap.protocol.grammar import DecodeContext, decode
from sage_imap.protocol.limits import DEFAULT_LIMITS
from sage_imap.protocol.quirks import GRAMMAR_QUIRKS, Quirks

__all__ = ["EXAMPLES", "check"]

EXAMPLES = mutated()
_GOOD = Frame(b"* 7 EXISTS")


def check(example: bytes) -> None:
    framer = Framer()
    framer.feed(example)
    try:
        while (frame := framer.next_frame()) is not None:
            for quirks in (Quirks(), Quirks(off=GRAMMAR_QUIRKS)):
                context = DecodeContext(DEFAULT_LIMITS, quirks, handles={}, greeting=False)
                for event in decode(frame, context):
                    assert type(event).__name__ != "object"
                    if isinstance(event, ParseFailure):
                        assert len(event.raw) <= DEFAULT_LIMITS.parse_failure_raw
                    repr(event)
                assert decode(_GOOD, context) == [ExistsReceived(7)]
    except RemoteProtocolError:
        return
