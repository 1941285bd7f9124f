"""A module that no reader of models may import."""

from __future__ import annotations


class Tripwire:
    """What a hostile file would like to have made."""
