"""ENVELOPE.

Invariant: a row with an envelope is read whole or is one `ParseFailure`; every field of it can be
looked at; the fast way and the slow way read the same; a copy sent to another process is equal; and
what was written by the RFC's grammar comes out as it went in.
"""

from __future__ import annotations

import pickle

from hypothesis import strategies as st

from fuzz.seeds import transcripts
from fuzz.shapes import lists, literal, mutated, quoted, repeated, strings
from sage_imap.errors import RemoteProtocolError
from sage_imap.models.envelope import Envelope
from sage_imap.protocol.events import FetchReceived, ParseFailure
from sage_imap.protocol.framing import Frame, Framer
from sage_imap.protocol.grammar import DecodeContext, decode
from sage_imap.protocol.grammar.fetch import decode_row
from sage_imap.protocol.limits import DEFAULT_LIMITS
from sage_imap.protocol.quirks import GRAMMAR_QUIRKS, Quirks

__all__ = ["EXAMPLES", "SEEDS", "check", "from_octets"]

_START = b"* 3 FETCH ("
# Octets beyond ASCII are looked for before it is known what the response is.
_STRICT = tuple(GRAMMAR_QUIRKS.keys() - {"quirk_raw_8bit"})
_LONG = repeated(
    [b'("a" NIL "b" "c")', b"(NIL NIL NIL NIL)", b'"=?utf-8?q?a?= "', b"=?", b"((", b" "]
)
_LISTS = st.lists(
    st.lists(strings, min_size=4, max_size=4).map(lambda f: b"(" + b" ".join(f) + b")"), max_size=3
).map(lambda found: b"(" + b"".join(found) + b")" if found else b"NIL")
_FIELDS = st.tuples(strings, strings, *([_LISTS] * 6), strings, strings)
_ENVELOPES = st.one_of(
    _FIELDS.map(lambda f: b"(" + b" ".join(f) + b")"),
    lists,
    _LONG.map(lambda many: b'(NIL "x" (' + many + b") NIL NIL NIL NIL NIL NIL NIL)"),
)
_ROWS = st.builds(
    lambda before, envelope, after: _START + before + b"ENVELOPE " + envelope + after + b")\r\n",
    st.sampled_from([b"", b"UID 7 ", b"FLAGS (\\Seen) ", b"RFC822.SIZE 9 "]),
    _ENVELOPES,
    st.sampled_from([b"", b" UID 7", b" BODYSTRUCTURE NIL"]),
)

# Text that stands for itself: no line end, which is folding, and no encoded-word.
_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=12
).filter(lambda text: "=?" not in text)
_PEOPLE = st.lists(st.tuples(st.none() | _TEXT, _TEXT, _TEXT), max_size=3)
_MEANT = st.tuples(
    st.none() | _TEXT,
    st.none() | _TEXT,
    st.tuples(*([_PEOPLE] * 6)),
    st.none() | _TEXT,
    st.none() | _TEXT,
    st.lists(st.booleans(), min_size=8, max_size=8),
)
EXAMPLES = st.one_of(mutated(_ROWS), mutated(_ROWS), _MEANT)
SEEDS = [octets for octets in transcripts() if b"ENVELOPE" in octets]


def from_octets(octets: bytes) -> bytes:
    return octets if octets.startswith(_START) else _START + b"ENVELOPE " + octets + b")\r\n"


def check(example: bytes | tuple[object, ...]) -> None:
    if isinstance(example, tuple):
        _check_meaning(*example)  # type: ignore[arg-type]  # as `_MEANT` makes it
        return
    frame = _framed(example)
    if frame is None or not frame.data.startswith(_START):
        return
    for off in ((), _STRICT):
        fast, slow = _decoded(frame, off, fast=True), _decoded(frame, off, fast=False)
        assert type(fast) is type(slow), (fast, slow)
        if isinstance(fast, FetchReceived) and isinstance(slow, FetchReceived):
            assert fast.items == slow.items
            envelope = fast.items.get("ENVELOPE")
            if isinstance(envelope, Envelope):
                repr(envelope).encode("utf-8", "surrogatepass")
                assert pickle.loads(pickle.dumps(envelope)) == envelope


def _framed(octets: bytes) -> Frame | None:
    framer = Framer()
    framer.feed(octets)
    try:
        return framer.next_frame()
    except RemoteProtocolError:
        return None


def _decoded(frame: Frame, off: tuple[str, ...], *, fast: bool) -> FetchReceived | ParseFailure:
    context = DecodeContext(DEFAULT_LIMITS, Quirks(off=off))
    if fast:
        (event,) = decode(frame, context)
    else:
        (event,) = decode_row(frame, len(b"* 3 FETCH"), context, seq=3, uid=None)
    assert isinstance(event, FetchReceived | ParseFailure)
    return event


def _check_meaning(
    date: str | None,
    subject: str | None,
    people: tuple[list[tuple[str | None, str, str]], ...],
    in_reply_to: str | None,
    message_id: str | None,
    as_literal: list[bool],
) -> None:
    def sent(text: str | None) -> bytes:
        if text is None:
            return b"NIL"
        as_literal.append(as_literal.pop(0))
        return (literal if as_literal[-1] else quoted)(text.encode())

    as_literal = list(as_literal)
    groups = [
        b"(%s)" % b"".join(b"(%s NIL %s %s)" % tuple(map(sent, one)) for one in group)
        if group
        else b"NIL"
        for group in people
    ]
    fields = [sent(date), sent(subject), *groups, sent(in_reply_to), sent(message_id)]
    frame = _framed(_START + b"ENVELOPE (" + b" ".join(fields) + b"))\r\n")
    assert frame is not None
    event = _decoded(frame, (), fast=True)
    assert isinstance(event, FetchReceived), event
    envelope = event.items["ENVELOPE"]
    assert isinstance(envelope, Envelope)
    assert (envelope.date_raw, envelope.subject_raw) == (date, subject)
    assert envelope.subject == (subject or "")
    assert (envelope.in_reply_to, envelope.message_id) == (in_reply_to, message_id)
    found = [
        envelope.from_,
        envelope.sender,
        envelope.reply_to,
        envelope.to,
        envelope.cc,
        envelope.bcc,
    ]
    assert found == [tuple((name or "", *rest) for name, *rest in group) for group in people]
