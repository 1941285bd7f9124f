"""The shared corpora of real mail: where they are, and a deterministic choice from them.

They are read from `SAGE_SHARED` (default: the folder ``shared`` beside the project) and never
copied into the project.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

__all__ = ["corpora", "needs_corpora", "real_mails"]

_SUFFIXES = {".eml", ".msg", ".raw", ".txt", ""}
_NO_MAIL = {"LICENSE", "COPYING", "NOTICE", "README.md", "arc-test-suite", "banking77", "mailauth"}
_MOST_BYTES = 4_000_000
_ROOT = Path(__file__).resolve().parents[2]


def corpora() -> Path | None:
    """The corpora's folder, None where there is none on this machine."""
    shared = Path(os.environ.get("SAGE_SHARED", _ROOT.parent / "shared"))
    folder = shared / "corpora"
    return folder if folder.is_dir() else None


needs_corpora = pytest.mark.skipif(
    corpora() is None, reason="the shared corpora are not on this machine (set SAGE_SHARED)"
)


def _is_mail(path: Path) -> bool:
    if path.suffix not in _SUFFIXES and not path.name.split(".")[0].isdigit():
        return False
    if path.name in _NO_MAIL or (path.suffix == "" and not path.name.isdigit()):
        return False
    return path.stat().st_size <= _MOST_BYTES


def _order(path: Path) -> bytes:
    """A shuffle that is the same on every machine and does not depend on the files' neighbours."""
    return hashlib.sha256(path.name.encode()).digest()


def real_mails(count: int) -> list[tuple[str, bytes]]:
    """*count* mails as (path below the corpora, bytes): every folder gives its share, in turn."""
    root = corpora()
    assert root is not None
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir())
    queues = [
        sorted(filter(_is_mail, (p for p in folder.rglob("*") if p.is_file())), key=_order)
        for folder in folders
        if folder.name not in _NO_MAIL
    ]
    chosen: list[Path] = []
    while len(chosen) < count and any(queues):
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(queue.pop())
    return [(str(path.relative_to(root)), path.read_bytes()) for path in chosen]
