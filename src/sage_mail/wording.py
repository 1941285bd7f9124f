"""Words that agree with their numbers."""

from __future__ import annotations

__all__ = ["counted", "deliveries"]


def counted(number: int, one: str, several: str) -> str:
    """The number with the word that goes with it: ``1 account``, ``2 accounts``."""
    return f"{number} {one if number == 1 else several}"


def deliveries(number: int) -> str:
    """``1 delivery``, ``2 deliveries``."""
    return counted(number, "delivery", "deliveries")
