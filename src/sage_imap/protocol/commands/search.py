"""UID SEARCH (RFC 9051 section 6.4.4), plain or with RETURN (RFC 4731)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sage_imap.errors import LocalProtocolError
from sage_imap.protocol.command import Charset, Command, Literal, Part, Text
from sage_imap.protocol.extensions.condstore import modified_since
from sage_imap.protocol.extensions.esearch import return_options

__all__ = ["search"]

# Criteria as text: a quoted string, a word, or what stands between them.
_TOKEN: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s()"]+)|([\s()"])')
_ESCAPED: Final = re.compile(r"\\(.)")


def search(
    criteria: str | Sequence[str | Literal] = "ALL",
    *,
    returning: Iterable[str] | None = None,
    changed_since: int | None = None,
) -> Command:
    """Ask for the UIDs of the messages that fit *criteria*.

    *criteria* are search keys as RFC 9051 writes them, or several that must all fit; text in
    them that is not ASCII is sent in UTF-8. *returning* holds the options of ESEARCH (``("ALL",)``
    for the UIDs as one set), None: the server answers with SEARCH. *changed_since* adds that the
    mod-sequence is above it.
    """
    parts: list[Part] = []
    needs: list[str] = []
    if returning is not None:
        parts.append(return_options(returning) + b" ")
        needs.append("ESEARCH")
    keys = [criteria] if isinstance(criteria, str) else list(criteria)
    if not all(map(_is_ascii, keys)):
        parts.append(Charset())
    if changed_since is not None:
        parts.append(modified_since(changed_since) + b" ")
        needs.append("CONDSTORE")
    parts.extend(_joined(keys))
    return Command("UID SEARCH", tuple(parts), needs=tuple(needs))


def _is_ascii(key: str | Literal) -> bool:
    return key.isascii() if isinstance(key, str) else key.data.isascii()


def _joined(keys: Sequence[str | Literal]) -> Iterator[Part]:
    written = False
    for key in keys:
        if isinstance(key, str) and not key.strip():
            continue
        if written:
            yield b" "
        written = True
        if isinstance(key, Literal):
            yield key
        elif key.isascii():
            yield _checked(key.strip()).encode("ascii")
        else:
            yield from _with_literals(_checked(key.strip()))
    if not written:
        yield b"ALL"


def _checked(key: str) -> str:
    if any(character in key for character in "\0\r\n"):
        raise LocalProtocolError("a search key holds NUL, CR or LF; nothing was sent")
    return key


def _with_literals(key: str) -> Iterator[Part]:
    """*key* with its strings that are not ASCII as arguments of their own."""
    for token in _TOKEN.finditer(key):
        text = token[0]
        if text.isascii():
            yield text.encode("ascii")
        elif token[1] is not None:
            yield Text(_ESCAPED.sub(r"\1", token[1]))
        else:
            yield Text(text)
