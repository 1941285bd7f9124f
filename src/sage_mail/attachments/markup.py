"""Pages and drawings in markup: whether they run something where they are opened."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["MARKUP", "is_active"]

#: The types that browsers run scripts of.
MARKUP: Final = frozenset({"text/html", "image/svg+xml", "application/xml"})

# A script of a type that holds data alone does nothing (HTML Living Standard section 4.12.1).
_SCRIPT: Final = re.compile(
    r"<(?:[\w.-]{1,30}:)?script\b(?![^>]{0,300}\btype\s*=\s*[\"']?application/(?:ld\+)?json)", re.I
)
_HANDLER: Final = re.compile(r"<\w[^<>]{0,2000}[\s\"'/]on[a-z]{3,30}\s{0,20}=", re.I)
_LINK: Final = re.compile(r"[=\"'\s](?:javascript|vbscript)\s{0,20}:", re.I)


def is_active(data: bytes) -> bool:
    """True if a script, an attribute that handles events or a link of JavaScript is in it."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = data.decode("utf-16", "replace") if wide else data.decode("latin-1")
    return any(pattern.search(text) for pattern in (_SCRIPT, _HANDLER, _LINK))
