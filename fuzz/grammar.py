"""Every response.

Invariant: a response that was framed is decoded without an exception; what cannot be understood is
one `ParseFailure`, whose raw part is bounded; what is told is nested no deeper than the limits say;
no message has the number or the UID zero; a copy reads the same; and the response behind it is read
as if alone.
"""

from __future__ import annotations

from fuzz.seeds import transcripts
from fuzz.shapes import mutated
from sage_imap.errors import RemoteProtocolError
from sage_imap.models.structure import BodyPart
from sage_imap.protocol.events import (
    Event,
    ExistsReceived,
    ExpungeReceived,
    FetchReceived,
    Handle,
    ParseFailure,
)
from sage_imap.protocol.framing import Frame, Framer
from sage_imap.protocol.grammar import DecodeContext, decode
from sage_imap.protocol.limits import DEFAULT_LIMITS, Limits
from sage_imap.protocol.quirks import GRAMMAR_QUIRKS, Quirks

__all__ = ["EXAMPLES", "SEEDS", "check", "from_octets"]

EXAMPLES = mutated()
SEEDS = transcripts()
_GOOD = Frame(b"* 7 EXISTS")
_SHALLOW = Limits(nesting=4)
_HANDLES = {b"A1": Handle("A1", "NOOP"), b"A2": Handle("A2", "UID SEARCH")}


def from_octets(octets: bytes) -> bytes:
    return octets


def check(example: bytes) -> None:
    framer = Framer()
    framer.feed(example)
    try:
        while (frame := framer.next_frame()) is not None:
            for context in _contexts():
                events = decode(frame, context)
                for event in events:
                    _look_at(event, context)
                assert decode(frame, context) == events, "a second reading differs"
                assert decode(_GOOD, context) == [ExistsReceived(7)]
    except RemoteProtocolError:
        return


def _contexts() -> list[DecodeContext]:
    return [
        DecodeContext(DEFAULT_LIMITS, Quirks(), handles=_HANDLES),
        DecodeContext(DEFAULT_LIMITS, Quirks(off=GRAMMAR_QUIRKS), handles=_HANDLES),
        DecodeContext(_SHALLOW, Quirks(), handles=_HANDLES, utf8=True),
    ]


def _look_at(event: Event, context: DecodeContext) -> None:
    repr(event)
    match event:
        case ParseFailure():
            assert len(event.raw) <= DEFAULT_LIMITS.parse_failure_raw
            assert event.uid != 0
        case ExpungeReceived():
            assert event.seq > 0
        case FetchReceived():
            assert event.seq is None or event.seq > 0
            assert event.items.get("UID") != 0
            for value in event.items.values():
                assert _depth(value) <= context.limits.nesting, "it is nested too deeply"


def _depth(value: object) -> int:
    """How deep *value* is nested; it is bounded, and so may be told recursively."""
    if isinstance(value, BodyPart):
        children = [*value.parts, *([value.body] if value.body else [])]
        return 1 + max(map(_depth, children), default=0)
    if isinstance(value, list | tuple):
        return 1 + max(map(_depth, value), default=0)
    return 0
