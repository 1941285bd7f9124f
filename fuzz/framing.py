"""Cutting a stream into responses.

Invariant: whatever comes and however it is cut into reads, the framer gives the same frames, holds
no octet twice, and raises nothing but `RemoteProtocolError` and its kind.
"""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

from fuzz.shapes import mutated
from sage_imap.errors import RemoteProtocolError
from sage_imap.protocol.framing import Framer

__all__ = ["EXAMPLES", "check"]

EXAMPLES = st.tuples(mutated(), st.lists(st.integers(0, 2000), max_size=6))
_FILLER = b"* 1 EXISTS\r\n" * 40  # so that the reads are long enough for the fast way


def check(example: tuple[bytes, list[int]]) -> None:
    data, cuts = example
    whole = _frames([data])
    assert whole == _frames(_cut(data, cuts)), "the cuts make a difference"
    assert sum(len(frame) for frame in whole[0]) <= len(data)
    long = data + _FILLER + data
    assert _frames([long]) == _frames(_cut(long, cuts)), "long reads make a difference"


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


def _frames(reads: list[bytes]) -> tuple[list[bytes], str]:
    framer = Framer()
    found: list[bytes] = []
    for read in reads:
        framer.feed(read)
        try:
            while (frame := framer.next_frame()) is not None:
                bodies = [frame.literal(*span) for span in frame.literals if span[0] == span[1]]
                found.append(b"".join([frame.data, *bodies]))
        except RemoteProtocolError as error:
            return found, type(error).__name__
    return found, ""
