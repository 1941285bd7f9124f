"""What came of a message from the server; apart from the asking, which needs a whole client."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Fetched"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message as the server sent it; ``raw`` is None where only its header was asked for.

    ``size`` is RFC822.SIZE, which servers are allowed to get wrong, hence not ``len(raw)``.
    """

    uid: int
    size: int
    flags: tuple[str, ...]
    internal_date: datetime | None
    modseq: int | None
    fingerprint: str
    raw: bytes | None = None
