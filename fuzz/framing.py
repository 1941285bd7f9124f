"""Cutting a stream into responses.

Invariant: whatever comes and however it is cut into reads, the framer gives the same frames, holds
no octet twice, keeps no more than came, and raises nothing but `RemoteProtocolError` and its kind;
no response and no line is larger than the limits say.
"""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

from fuzz.seeds import transcripts
from fuzz.shapes import cuts, mutated
from sage_imap.errors import RemoteProtocolError
from sage_imap.protocol.framing import Framer
from sage_imap.protocol.limits import DEFAULT_LIMITS, Limits
from sage_imap.protocol.quirks import CORE_QUIRKS, Quirks

__all__ = ["EXAMPLES", "SEEDS", "check", "cut", "from_octets"]

_SMALL = Limits(line=200, literal=40, body_literal=5000, response=6000, literals=4)
_SETTINGS = [(DEFAULT_LIMITS, ()), (_SMALL, ()), (DEFAULT_LIMITS, tuple(CORE_QUIRKS))]
_BODIES = st.builds(
    lambda size, fill, rest: (
        b"* 1 FETCH (BODY[] {%d}\r\n%s UID 7)\r\n%s" % (size, fill * size, rest)
    ),
    st.integers(0, 9000),
    st.sampled_from([b"x", b"\n", b"}\r\n"]),
    st.sampled_from([b"", b"* 2 FETCH (BODY[] {3}\r\nabc)\r\n", b"* 2 EXISTS\r\n"]),
)
EXAMPLES = st.tuples(
    st.integers(0, len(_SETTINGS) - 1), st.one_of(mutated(), mutated(), mutated(_BODIES)), cuts
)
SEEDS = transcripts()
# So that the reads are long enough for the two fast ways.
_FILLERS = [b"* 1 EXISTS\r\n" * 40] * 3 + [b"* 1 EXISTS\r\n" * 400]
_BYTE_BY_BYTE = 200


def from_octets(octets: bytes) -> tuple[int, bytes, list[int]]:
    return octets[0] % len(_SETTINGS) if octets else 0, octets[2:], [*octets[1:2]]


def check(example: tuple[int, bytes, list[int]]) -> None:
    setting, data, places = example
    whole = _frames([data], setting)
    assert whole == _frames(cut(data, places), setting), "the cuts make a difference"
    if len(data) <= _BYTE_BY_BYTE:
        assert whole == _frames([data[n : n + 1] for n in range(len(data))], setting)
    assert sum(map(len, whole[0])) <= len(data)
    assert all(len(frame) <= _SETTINGS[setting][0].response for frame in whole[0])
    long = data + _FILLERS[len(data) % 4] + data
    assert _frames([long], setting) == _frames(cut(long, places), setting), "long reads differ"


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """*data* in pieces."""
    places = sorted({0, len(data), *(min(place, len(data)) for place in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


def _frames(reads: list[bytes], setting: int) -> tuple[list[bytes], str]:
    limits, off = _SETTINGS[setting]
    framer = Framer(limits, Quirks(off=off))
    found: list[bytes] = []
    came = 0
    for read in reads:
        framer.feed(read)
        came += len(read)
        try:
            while (frame := framer.next_frame()) is not None:
                bodies = [frame.literal(*span) for span in frame.literals if span[0] == span[1]]
                found.append(b"".join([frame.data, *bodies]))
        except RemoteProtocolError as error:
            return found, type(error).__name__
        assert framer.buffered + sum(map(len, found)) <= came, "more is kept than came"
    return found, ""
