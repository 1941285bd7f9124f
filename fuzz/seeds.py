"""Octets to begin with: what servers really send and mail that people really wrote.

They are read where they are on the machine (`SAGE_SHARED`, default: the folder ``shared`` beside
the project) and never kept; without them the targets do with what they make themselves.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

__all__ = ["mails", "transcripts"]

_ROOT = Path(__file__).resolve().parents[1]
_LONGEST_TRANSCRIPT = 2000
_LONGEST_MAIL = 3000
_MOST_MAILS = 200


def _shared() -> Path:
    return Path(os.environ.get("SAGE_SHARED", _ROOT.parent / "shared"))


@cache
def transcripts() -> list[bytes]:
    """The octets of the short transcript cases."""
    path = _shared() / "quirks" / "cases.json"
    if not path.exists():
        return [b"* OK hello\r\n"]
    cases = json.loads(path.read_text(encoding="utf-8"))
    found = [case["server_bytes"].encode("latin-1") for case in cases if "server_bytes" in case]
    return [octets for octets in found if len(octets) <= _LONGEST_TRANSCRIPT]


@cache
def mails() -> list[bytes]:
    """Some short mails."""
    folder = _shared() / "corpora"
    found = sorted(folder.rglob("*.eml")) if folder.is_dir() else []
    short = [path for path in found if path.stat().st_size <= _LONGEST_MAIL]
    chosen = short[:: max(1, len(short) // _MOST_MAILS)][:_MOST_MAILS]
    return [path.read_bytes() for path in chosen] or [b"Subject: hello\r\n\r\nworld\r\n"]
