"""Where in a text as it is seen (`sage_mail.security.rendering`) there are e-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sage_mail.security.rendering import INVISIBLE

__all__ = ["addresses"]

# The at sign and a domain: with a dot, an address literal, or one of the two that reach a host
# without either.
_AT: Final = re.compile(
    rf"{INVISIBLE}{{0,9}}@{INVISIBLE}{{0,9}}"
    rf"(?:(?:[^\W_](?:[\w-]{{0,61}}[^\W_])?{INVISIBLE}{{0,9}}\.{INVISIBLE}{{0,9}}){{1,20}}"
    r"[^\W\d_][\w-]{1,62}"
    r"|\[[0-9A-Fa-f:.]{2,64}\]|(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9])|localhost(?!\w))",
    re.IGNORECASE,
)
_LOCAL: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]")
_LONGEST_LOCAL: Final = 320


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """E-mail addresses, with a local part that is quoted or not."""
    done = 0
    for match in _AT.finditer(text):
        start = _start_of_local(text, match.start(), max(done, match.start() - _LONGEST_LOCAL))
        if start < match.start():
            yield start, match.end()
            done = match.end()


def _start_of_local(text: str, at: int, earliest: int) -> int:
    """Where the local part that ends at *at* begins; *at* itself where there is none."""
    if at > earliest and text[at - 1] == '"':
        quote = text.rfind('"', earliest, at - 1)
        return at if quote < 0 else quote
    start = at
    while start > earliest and _LOCAL.match(text[start - 1]):
        start -= 1
    return start
