"""Literals written as quoted strings, so that one expression reads a row that has some.

Servers send a subject that is folded, or a name beyond ASCII, as a literal. For what it says it
makes no difference how it was sent.
"""

from __future__ import annotations

import re
from typing import Final

from sage_imap.protocol.framing import Frame

__all__ = ["inlined"]

_CONTROL: Final = re.compile(rb"[\0\r\n]")
# A literal that is as large is a body, and no copy of it is made.
_LARGEST: Final = 16 * 1024


def inlined(frame: Frame) -> tuple[Frame, int] | None:
    """The response with the literals before its first body in quotes, and where they end.

    None where there are none, or where something odd stands between them.
    """
    data = frame.data
    pieces: list[bytes] = []
    position = length = done = 0
    for start, end in frame.literals:
        marker = data.rfind(b"{", position, start)
        before = data[position:marker]
        if before.endswith((b"] ", b"> ", b"~")) or end - start > _LARGEST:
            break
        if _CONTROL.search(before):
            return None
        text = data[start:end]
        if b"\\" in text:
            text = text.replace(b"\\", b"\\\\")
        if b'"' in text:
            text = text.replace(b'"', b'\\"')
        pieces += [before, b'"', text, b'"']
        length += len(before) + len(text) + 2
        position = end
        done += 1
    if not done:
        return None
    pieces.append(data[position:])
    rest = frame.literals[done:]
    if not rest:
        return Frame(b"".join(pieces)), length
    shift = length - position
    spans = tuple([(start + shift, end + shift) for start, end in rest])
    apart = {start + shift: octets for start, octets in (frame.apart or {}).items()}
    return Frame(b"".join(pieces), spans, apart or None), length
