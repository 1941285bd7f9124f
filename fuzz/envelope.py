"""ENVELOPE.

Invariant: a row with an envelope is read whole or is one `ParseFailure`; every field of it can be
looked at; and the fast way and the slow way read the same.
"""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.shapes import lists, mutated, strings
from sage_imap.models.envelope import Envelope
from sage_imap.protocol.events import FetchReceived, ParseFailure
from sage_imap.protocol.framing import Frame, Framer
from sage_imap.protocol.grammar import DecodeContext, decode
from sage_imap.protocol.grammar.fetch import decode_row
from sage_imap.protocol.limits import DEFAULT_LIMITS
from sage_imap.protocol.quirks import Quirks

__all__ = ["EXAMPLES", "check"]

_ADDRESSES = st.lists(
    st.lists(strings, min_size=4, max_size=4).map(lambda f: b"(" + b" ".join(f) + b")"), max_size=3
).map(lambda found: b"(" + b"".join(found) + b")" if found else b"NIL")
_FIELDS = st.tuples(strings, strings, *([_ADDRESSES] * 6), strings, strings)
_ENVELOPES = st.one_of(_FIELDS.map(lambda f: b"(" + b" ".join(f) + b")"), lists)
EXAMPLES = mutated(
    st.builds(
        lambda before, envelope, after: (
            b"* 3 FETCH (%sENVELOPE %s%s)\r\n" % (before, envelope, after)
        ),
        st.sampled_from([b"", b"UID 7 ", b"FLAGS (\\Seen) ", b"RFC822.SIZE 9 "]),
        _ENVELOPES,
        st.sampled_from([b"", b" UID 7", b" BODYSTRUCTURE NIL"]),
    )
)


def check(example: bytes) -> None:
    framer = Framer()
    framer.feed(example)
    frame = framer.next_frame()
    if frame is None or not frame.data.startswith(b"* 3 FETCH ("):
        return
    fast, slow = _decoded(frame, fast=True), _decoded(frame, fast=False)
    assert type(fast) is type(slow), (fast, slow)
    if isinstance(fast, FetchReceived) and isinstance(slow, FetchReceived):
        assert fast.items == slow.items
        envelope = fast.items.get("ENVELOPE")
        if isinstance(envelope, Envelope):
            repr(envelope).encode("utf-8", "surrogatepass")


def _decoded(frame: Frame, *, fast: bool) -> FetchReceived | ParseFailure:
    context = DecodeContext(DEFAULT_LIMITS, Quirks(), handles={}, greeting=False)
    if fast:
        (event,) = decode(frame, context)
    else:
        (event,) = decode_row(frame, len(b"* 3 FETCH "), context, seq=3, uid=None)
    assert isinstance(event, FetchReceived | ParseFailure)
    return event
