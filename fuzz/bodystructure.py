"""BODYSTRUCTURE.

Invariant: a structure is read whole or its row is one `ParseFailure`; every field of every part can
be looked at; nesting is bounded; the fast way and the slow way read the same; a copy sent to
another process is equal; and what was written by the RFC's grammar has its parts in their places.
"""

from __future__ import annotations

import pickle
from typing import Any

from hypothesis import strategies as st

from fuzz.seeds import transcripts
from fuzz.shapes import lists, mutated, repeated, strings
from sage_imap.errors import RemoteProtocolError
from sage_imap.models.structure import BodyPart
from sage_imap.protocol.events import FetchReceived
from sage_imap.protocol.framing import Frame, Framer
from sage_imap.protocol.grammar import DecodeContext, decode
from sage_imap.protocol.grammar.bodystructure import structure_of
from sage_imap.protocol.grammar.plain_structure import plain_structure
from sage_imap.protocol.grammar.tokens import Scanner, Unreadable
from sage_imap.protocol.limits import DEFAULT_LIMITS
from sage_imap.protocol.quirks import Quirks

__all__ = ["EXAMPLES", "SEEDS", "check", "from_octets"]

_START = b"* 3 FETCH (BODYSTRUCTURE "
_ENVELOPE = b'(NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL)'
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
    st.sampled_from([b"", b" 3", b" NIL", b" " + _ENVELOPE]),
    _TAIL,
)
_STRUCTURES = st.recursive(
    st.one_of(_LEAVES, _LEAVES, lists),
    lambda inner: st.one_of(
        st.builds(
            lambda parts, tail: b"(" + b"".join(parts) + b' "mixed"' + tail + b")",
            st.lists(inner, max_size=4),
            st.sampled_from([b"", b' ("boundary" "x")', b" NIL NIL NIL NIL"]),
        ),
        inner.map(
            lambda body: b'("message" "rfc822" NIL NIL NIL "7bit" 9 %s %s 3)' % (_ENVELOPE, body)
        ),
    ),
    max_leaves=8,
)
_LEAF = b'("text" "plain" NIL NIL NIL "7bit" 1 1)'
_DEEP = st.builds(
    lambda depth, tail: b"(" * depth + _LEAF + tail * depth,
    st.one_of(st.integers(90, 110), st.integers(1, 2000)),
    st.sampled_from([b' "mixed")', b")", b' "mixed" NIL)', b""]),
)
_LONG = repeated([_LEAF, b'("a" "b"', b' "x"', b"NIL ", b'"a\\"']).map(
    lambda many: b"(" + many + b")"
)
_ROWS = st.one_of(_STRUCTURES, _STRUCTURES, _STRUCTURES, _DEEP, _LONG).map(
    lambda value: _START + value + b")\r\n"
)
_TREES = st.recursive(
    st.sampled_from(["text/plain", "image/png"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4), st.tuples(st.just("message/rfc822"), inner)
    ),
    max_leaves=10,
)
EXAMPLES = st.one_of(mutated(_ROWS), mutated(_ROWS), st.tuples(_TREES))
SEEDS = [octets for octets in transcripts() if b"BODY" in octets]


def from_octets(octets: bytes) -> bytes:
    return octets if octets.startswith(_START) else _START + octets + b")\r\n"


def check(example: bytes | tuple[Any]) -> None:
    if isinstance(example, tuple):
        _check_meaning(*example)
        return
    frame = _framed(example)
    if frame is None or not frame.data.startswith(_START):
        return
    structure = _structure(frame)
    if structure is not None:
        repr(structure)
        assert sum(1 for _ in structure.walk()) <= len(example)
        assert pickle.loads(pickle.dumps(structure)) == structure
    fast = plain_structure(frame.data, len(_START), DEFAULT_LIMITS.nesting)
    if fast is not None:
        assert fast[0] == _slowly(frame), "the two ways differ"


def _framed(octets: bytes) -> Frame | None:
    framer = Framer()
    framer.feed(octets)
    try:
        return framer.next_frame()
    except RemoteProtocolError:
        return None


def _structure(frame: Frame) -> BodyPart | None:
    (event,) = decode(frame, DecodeContext(DEFAULT_LIMITS, Quirks()))
    repr(event)
    structure = event.items.get("BODYSTRUCTURE") if isinstance(event, FetchReceived) else None
    assert structure is None or isinstance(structure, BodyPart)
    return structure


def _slowly(frame: Frame) -> BodyPart | None:
    scanner = Scanner(frame, DecodeContext(DEFAULT_LIMITS, Quirks()), len(_START))
    try:
        return structure_of(scanner.value(), scanner)
    except Unreadable:
        return None


def _check_meaning(tree: Any) -> None:
    frame = _framed(_START + _written(tree) + b")\r\n")
    assert frame is not None
    structure = _structure(frame)
    assert structure is not None
    found = [(number, part.type) for number, part in structure.walk()]
    assert found == _sections(tree, "")


def _written(tree: Any) -> bytes:
    """A structure by RFC 9051 section 9, body."""
    if isinstance(tree, list):
        return b"(" + b"".join(map(_written, tree)) + b' "mixed")'
    kind, inner = tree if isinstance(tree, tuple) else (tree, None)
    maintype, subtype = kind.upper().encode().split(b"/")
    fields = [b'"%s"' % maintype, b'"%s"' % subtype, b"NIL NIL NIL", b'"8BIT"', b"42"]
    if inner is not None:
        fields += [_ENVELOPE, _written(inner)]
    if maintype in (b"TEXT", b"MESSAGE"):
        fields.append(b"7")
    return b"(" + b" ".join(fields) + b")"


def _sections(tree: Any, number: str) -> list[tuple[str, str]]:
    """The parts of *tree* by their section numbers, as RFC 9051 section 6.4.5.1 gives them."""
    if isinstance(tree, list):
        return [(number, "multipart/mixed"), *_children(tree, number)]
    number = number or "1"
    if isinstance(tree, str):
        return [(number, tree)]
    kind, inner = tree
    below = _children(inner, number) if isinstance(inner, list) else _sections(inner, f"{number}.1")
    return [(number, kind), *below]


def _children(parts: list[Any], number: str) -> list[tuple[str, str]]:
    prefix = f"{number}." if number else ""
    return [
        found
        for position, part in enumerate(parts, start=1)
        for found in _sections(part, f"{prefix}{position}")
    ]
