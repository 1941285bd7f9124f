"""A name that a stranger gave to a name that is safe in any directory.

What is left has no path, no control or direction characters, no name that Windows keeps for a
device, no leading dot, and room for a number.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from typing import Final

from sage_imap.models.limits import MAX_FILENAME_BYTES

__all__ = ["numbered", "safe_filename"]

_SEPARATORS: Final = re.compile(r"[/\\\u2044\u2215\u29f8\uff0f\uff3c]")
_FORBIDDEN: Final = re.compile(r'[<>:"|?*]')
_SPACE: Final = re.compile(r"\s+")
_DEVICES: Final = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
)
_LONGEST_SUFFIX: Final = 20  # characters; what is longer is no extension


def safe_filename(name: str, content_type: str = "application/octet-stream") -> str:
    """A name made from *name* that stays in its directory; ``attachment.pdf`` where none is left.

    *content_type* gives the extension then, if it is a known one.
    """
    kept = "".join(" " if c.isspace() else c for c in name if c.isspace() or _is_printable(c))
    kept = _SEPARATORS.split(unicodedata.normalize("NFC", kept).rstrip(" /\\"))[-1]
    kept = _FORBIDDEN.sub("_", _SPACE.sub(" ", kept)).strip(" .")
    if not kept.strip("_"):
        kept = "attachment" + (mimetypes.guess_extension(content_type, strict=False) or "")
    if kept.partition(".")[0].rstrip().lower() in _DEVICES:
        kept = "_" + kept
    stem, suffix = _halves(kept)
    return _cut(stem, MAX_FILENAME_BYTES - len(suffix.encode())) + suffix


def numbered(name: str, number: int) -> str:
    """*name* with *number* before its extension: ``a (1).pdf``; 0 leaves it as it is."""
    stem, suffix = _halves(name)
    return f"{stem} ({number}){suffix}" if number else name


def _is_printable(character: str) -> bool:
    # Cc controls, Cf directions and joiners, Cs surrogates, Co private, Cn unassigned, Zl and Zp.
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _halves(name: str) -> tuple[str, str]:
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix) > _LONGEST_SUFFIX:
        return name, ""
    return stem, dot + suffix


def _cut(text: str, octets: int) -> str:
    return text.encode()[:octets].decode("utf-8", "ignore").rstrip(" .") or "_"
