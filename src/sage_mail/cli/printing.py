"""Text from anywhere, made fit for a terminal."""

from __future__ import annotations

__all__ = ["printable"]

_MOST = 100


def printable(text: str, most: int = _MOST) -> str:
    """The text without what could move a terminal's cursor or turn its direction, cut to *most*."""
    return "".join(ch if ch.isprintable() else "\N{REPLACEMENT CHARACTER}" for ch in text)[:most]
