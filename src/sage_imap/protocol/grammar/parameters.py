"""Names of files, out of the parameters of a part (RFC 2231 sections 3 and 4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sage_imap.protocol.grammar.text import decode_charset, decode_words

if TYPE_CHECKING:
    from sage_imap.models.structure import Disposition

__all__ = ["filename_of"]

_ESCAPED: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_MOST_PIECES: Final = 100


def filename_of(disposition: Disposition | None, params: dict[str, str]) -> str | None:
    """The decoded name of the file that a part is, or None where it has none."""
    if disposition is not None and disposition.params:
        name = _parameter(disposition.params, "filename")
        if name is not None:
            return name
    return _parameter(params, "name") if params else None


def _parameter(params: dict[str, str], name: str) -> str | None:
    plain = params.get(name)
    if plain is not None:
        # Not allowed by RFC 2047 section 5, and what most mailers do.
        return decode_words(plain.encode()) if "=?" in plain else plain
    extended = params.get(f"{name}*")
    if extended is not None:
        return _decode([(extended, True)])
    pieces: list[tuple[str, bool]] = []
    for number in range(_MOST_PIECES):
        if (piece := params.get(f"{name}*{number}*")) is not None:
            pieces.append((piece, True))
        elif (piece := params.get(f"{name}*{number}")) is not None:
            pieces.append((piece, False))
        else:
            break
    return _decode(pieces) if pieces else None


def _decode(pieces: list[tuple[str, bool]]) -> str:
    charset = "utf-8"
    first, extended = pieces[0]
    if extended and first.count("'") >= 2:
        charset, _, first = first.split("'", 2)
        pieces = [(first, True), *pieces[1:]]
    raw = b"".join(
        _ESCAPED.sub(lambda match: bytes((int(match[1], 16),)), text.encode())
        if extended
        else text.encode()
        for text, extended in pieces
    )
    return decode_charset(raw, charset or "utf-8")
