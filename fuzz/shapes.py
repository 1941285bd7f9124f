"""Strategies for octets that are nearly what a server sends."""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.seeds import transcripts

__all__ = [
    "cuts",
    "deep",
    "lines",
    "lists",
    "literal",
    "mutated",
    "quoted",
    "repeated",
    "responses",
    "strings",
    "values",
]

_SMALL = st.binary(max_size=12)
_ATOMS = st.sampled_from(
    [b"NIL", b"nil", b"0", b"1", b"-1", b"4294967296", b"OK", b"UID", b"FLAGS", b"\\Seen", b"a"]
)
_NAMES = st.sampled_from(
    b"OK NO BAD BYE PREAUTH CAPABILITY ENABLED FLAGS LIST LSUB XLIST STATUS SEARCH SORT ESEARCH "
    b"THREAD NAMESPACE VANISHED ID ACL QUOTA QUOTAROOT METADATA MYRIGHTS LISTRIGHTS EXISTS RECENT "
    b"EXPUNGE FETCH UIDFETCH".split()
)
_ITEMS = st.sampled_from(
    b"UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ ENVELOPE BODY BODYSTRUCTURE BODY[] BODY[TEXT]<0> "
    b"BODY[HEADER.FIELDS BINARY[1] RFC822 X-GM-LABELS EMAILID THREADID PREVIEW SAVEDATE".split()
)


def quoted(text: bytes) -> bytes:
    """*text* as a quoted string."""
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def literal(text: bytes) -> bytes:
    """*text* as a literal."""
    return b"{%d}\r\n%s" % (len(text), text)


strings = st.one_of(
    _SMALL.map(quoted),
    _SMALL.map(literal),
    st.just(b"NIL"),
    st.sampled_from([b'"=?utf-8?B?w6k=?="', b'"=?x?Q?', b'""', b'"a\\"b"', b'"\xc3\xa9"']),
)
"""Strings as the grammar has them, most of them right."""

deep = st.builds(
    lambda depth, inner: b"(" * depth + inner + b")" * depth,
    st.one_of(st.integers(1, 12), st.integers(90, 110), st.integers(0, 3000)),
    strings,
)
"""Parentheses within parentheses, around where their depth is bounded and far beyond."""

lists = st.recursive(
    st.one_of(strings, _ATOMS, _SMALL),
    lambda inner: st.lists(inner, max_size=11).map(lambda found: b"(" + b" ".join(found) + b")"),
    max_leaves=30,
)
"""Values, nested."""

values = st.integers(0, 19).flatmap(lambda dice: lists if dice else deep)
"""Values, now and then one that is nested deeply."""

cuts = st.lists(st.integers(0, 2000), max_size=6)
"""Where a stream is cut into reads."""


_rows = st.builds(
    lambda seq, items: b"* %d FETCH (%s)" % (seq, b" ".join(items)),
    st.integers(0, 9),
    st.lists(st.builds(lambda name, value: name + b" " + value, _ITEMS, values), max_size=5),
)
_others = st.builds(
    lambda number, name, values: b"* " + number + name + b" " + b" ".join(values),
    st.sampled_from([b"", b"", b"5 ", b"0 "]),
    _NAMES,
    st.lists(values, max_size=4),
)
_tagged = st.builds(
    lambda tag, status, rest: tag + b" " + status + b" " + rest,
    st.sampled_from([b"A1", b"A2", b"X9", b"+"]),
    st.sampled_from([b"OK", b"NO", b"BAD", b"ok"]),
    st.one_of(_SMALL, st.builds(lambda code: b"[" + code + b"] text", lists)),
)
lines = st.one_of(_rows, _others, _tagged, _SMALL)
"""One response without its line end."""

responses = st.one_of(
    st.lists(lines, min_size=1, max_size=6).map(lambda found: b"\r\n".join([*found, b""])),
    st.sampled_from(transcripts()),
)
"""A stream of whole responses."""


def repeated(units: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of *units* many times over, which shows what takes more than linear time."""
    counts = st.one_of(st.integers(1, 40), st.integers(1, 20_000))
    return st.builds(lambda unit, count: unit * count, st.sampled_from(units), counts)


@st.composite
def mutated(draw: st.DrawFn, octets: st.SearchStrategy[bytes] = responses) -> bytes:
    """*octets* with some of them changed, left out, doubled or put elsewhere."""
    data = bytearray(draw(octets))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.integers(0, 3)):
            case 0:
                data[at : at + 1] = draw(st.sampled_from(_ODD))
            case 1:
                del data[at : at + draw(st.integers(1, 5))]
            case 2:
                data[at:at] = draw(st.sampled_from(_ODD))
            case _:
                data[at:at] = data[at : at + draw(st.integers(1, 40))]
    return bytes(data)


_ODD = [
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"(",
    b")",
    b" ",
    b"\xff",
    b"{5}\r\n",
]
