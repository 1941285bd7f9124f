"""Search criteria, from text that users type.

Invariant: building criteria raises nothing but `LocalProtocolError`; a command is one line whose
parentheses and quotes are closed, whatever the text holds; and every string comes out of the
command as it went in, found by a reader that shares no code with the writer.
"""

from __future__ import annotations

import re
from contextlib import suppress

from hypothesis import strategies as st

from sage_imap.errors import LocalProtocolError
from sage_imap.helpers.search import IMAPSearchCriteria
from sage_imap.protocol.command import Literal
from sage_imap.protocol.commands import search

__all__ = ["EXAMPLES", "check"]

_TEXTS = st.one_of(st.text(max_size=20), st.text(alphabet='"\\()ü{5}\r\n\0 ', max_size=8))
_LEAVES = st.tuples(
    st.sampled_from(["subject", "body", "text", "from_address", "gmail_raw", "header"]), _TEXTS
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.tuples(
        st.sampled_from(["and", "or", "not"]), st.lists(inner, min_size=1, max_size=4)
    ),
    max_leaves=8,
)
EXAMPLES = st.tuples(_TREES, st.booleans(), _TEXTS)
_PIECE = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"|([()])|[^\s"()]+|\s')


def check(example: tuple[object, bool, str]) -> None:
    tree, utf8, typed = example
    try:
        criteria, texts = _built(tree)
    except LocalProtocolError:
        pass
    else:
        pieces = search(criteria.parts, returning=("ALL",)).render(utf8=utf8)
        assert _read(pieces) == texts
        again = search(IMAPSearchCriteria(str(criteria)).parts).render(utf8=utf8)
        assert _read(again) == texts, "printed criteria are other ones"
    with suppress(LocalProtocolError):
        _read(search(IMAPSearchCriteria(typed).parts).render(utf8=utf8), balanced=False)


def _built(tree: object) -> tuple[IMAPSearchCriteria, list[str]]:
    assert isinstance(tree, tuple)
    kind, inner = tree
    if isinstance(inner, str):
        make = getattr(IMAPSearchCriteria, kind)
        return (make("X-Field", inner) if kind == "header" else make(inner)), [inner]
    built = [_built(one) for one in inner]
    keys = [key for key, _ in built]
    texts = [text for _, found in built for text in found]
    if kind == "not":
        return IMAPSearchCriteria.not_criteria(IMAPSearchCriteria.and_criteria(*keys)), texts
    join = IMAPSearchCriteria.and_criteria if kind == "and" else IMAPSearchCriteria.or_criteria
    return join(*keys), texts


def _read(pieces: list[bytes | Literal], *, balanced: bool = True) -> list[str]:
    """The strings of a command, in their order."""
    found: list[str] = []
    depth = 0
    for piece in pieces:
        if isinstance(piece, Literal):
            found.append(piece.data.decode())
            continue
        assert not re.search(rb"[\r\n\0]", piece), "a line end slipped in"
        position = 0
        while position < len(piece):
            match = _PIECE.match(piece, position)
            assert match is not None, piece
            if match[1] is not None:
                found.append(re.sub(rb"\\(.)", rb"\1", match[1]).decode())
            depth += {b"(": 1, b")": -1}.get(match[0], 0)
            position = match.end()
    assert depth == 0 or not balanced
    return found
