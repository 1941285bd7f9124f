"""The code blocks of the guide, as printed."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import textwrap
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["GUIDE", "block", "blocks", "needs_guide", "stand_ins"]

GUIDE = Path(os.environ.get("SAGE_SHARED", "../shared")).resolve() / "guide/common_patterns.rst"

needs_guide = pytest.mark.skipif(
    not GUIDE.exists(), reason="the guide is not here (SAGE_SHARED names the folder that has it)"
)

# What the guide imports and the parts that are tested here do not use.
_UNUSED = ("numpy", "requests", "sklearn", "websocket", "websockets")


def blocks() -> list[str]:
    """The Python blocks, in their order."""
    text = GUIDE.read_text(encoding="utf-8")
    found = re.findall(r"^\.\. code-block:: python\n\n((?:(?: {3}.*)?\n)+)", text, re.MULTILINE)
    # The call at the end of the last one is indented by one space too many to be Python.
    return [textwrap.dedent(body).partition("\n if __name__")[0] for body in found]


def block(name: str) -> str:
    """The block that defines the class *name*."""
    return next(body for body in blocks() if f"class {name}:" in body)


@contextmanager
def stand_ins() -> Iterator[None]:
    """Within the block, packages that are imported and not used need not be installed."""
    added = [name for root in _UNUSED if not importlib.util.find_spec(root) for name in _tree(root)]
    for name in added:
        sys.modules[name] = _Anything(name)
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]


def _tree(root: str) -> list[str]:
    inner = ("feature_extraction", "feature_extraction.text", "naive_bayes", "pipeline")
    return [root, *(f"{root}.{name}" for name in inner if root == "sklearn")]


class _Anything(types.ModuleType):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return object()
