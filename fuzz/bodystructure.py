"""BODYSTRUCTURE.

Invariant: a structure is read whole or its row is one `ParseFailure`; every field of every part can
be looked at; nesting is bounded; and the fast way and the slow way read the same.
"""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.shapes import lists, mutated, strings
from sage_imap.models.structure import BodyPart
from sage_imap.protocol.events import FetchReceived
from sage_imap.protocol.framing import Frame, Framer
from sage_imap.protocol.grammar import DecodeContext, decode
from sage_imap.protocol.grammar.bodystructure import structure_of
from sage_imap.protocol.grammar.plain_structure import plain_structure
from sage_imap.protocol.grammar.tokens import Scanner, Unreadable
from sage_imap.protocol.limits import DEFAULT_LIMITS
from sage_imap.protocol.quirks import Quirks

__all__ = ["EXAMPLES", "check"]

_TYPES = st.sampled_from(
    [b'"text" "plain"', b'"TEXT" "HTML"', b'"image" "png"', b'"message" "rfc822"', b'"a" "b"']
)
_PARAMS = st.sampled_from([b"NIL", b'("charset" "utf-8")', b'("name" "a" "x" NIL)', b"()"])
_NUMBERS = st.sampled_from([b"0", b"12", b"NIL", b"-1"])
_TAIL = st.sampled_from(
    [b"", b" NIL", b' "md5" ("inline" NIL) "en" "loc"', b' NIL ("attachment" ("filename" "f"))']
)
_LEAVES = st.builds(
    lambda kind, params, ident, text, size, lines, tail: (
        b"(%s %s %s %s %s %s%s%s)" % (kind, params, ident, text, b'"7bit"', size, lines, tail)
    ),
    _TYPES,
    _PARAMS,
    strings,
    strings,
    _NUMBERS,
    st.sampled_from([b"", b" 3", b" NIL"]),
    _TAIL,
)
_STRUCTURES = st.recursive(
    st.one_of(_LEAVES, lists),
    lambda inner: st.builds(
        lambda parts, tail: b"(" + b"".join(parts) + b' "mixed"' + tail + b")",
        st.lists(inner, max_size=4),
        st.sampled_from([b"", b' ("boundary" "x")', b" NIL NIL NIL NIL"]),
    ),
    max_leaves=8,
)
EXAMPLES = mutated(
    st.builds(lambda value: b"* 3 FETCH (BODYSTRUCTURE %s)\r\n" % value, _STRUCTURES)
)
_BEGIN = len(b"* 3 FETCH (BODYSTRUCTURE ")


def check(example: bytes) -> None:
    framer = Framer()
    framer.feed(example)
    frame = framer.next_frame()
    if frame is None or not frame.data.startswith(b"* 3 FETCH (BODYSTRUCTURE "):
        return
    context = DecodeContext(DEFAULT_LIMITS, Quirks(), handles={}, greeting=False)
    for event in decode(frame, context):
        repr(event)
        structure = event.items.get("BODYSTRUCTURE") if isinstance(event, FetchReceived) else None
        if isinstance(structure, BodyPart):
            assert sum(1 for _ in structure.walk()) <= len(example)
    fast = plain_structure(frame.data, _BEGIN, DEFAULT_LIMITS.nesting)
    if fast is not None:
        assert fast[0] == _slowly(frame, context), "the two ways differ"


def _slowly(frame: Frame, context: DecodeContext) -> BodyPart | None:
    scanner = Scanner(frame, context, _BEGIN)
    try:
        return structure_of(scanner.value(), scanner)
    except Unreadable:
        return None
