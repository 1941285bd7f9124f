"""The guide that users come from, as a table: its classes with their names, defaults and keys.

It is read from `SAGE_SHARED` (see `tests.support.corpora`) and never copied into the project.
"""

from __future__ import annotations

import ast
import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

__all__ = ["GuideClass", "GuideMethod", "guide_class", "needs_guide"]

_ROOT = Path(__file__).resolve().parents[2]
_SHARED = Path(os.environ.get("SAGE_SHARED", _ROOT.parent / "shared"))
_GUIDE = _SHARED / "guide" / "common_patterns.rst"
_BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)

needs_guide = pytest.mark.skipif(
    not _GUIDE.is_file(), reason="the guide is not on this machine (set SAGE_SHARED)"
)


@dataclass(frozen=True)
class GuideMethod:
    """A method: its parameters without ``self``, each with its default or ``...`` for none."""

    name: str
    parameters: dict[str, object]
    is_async: bool
    events: tuple[frozenset[str], ...]
    """The keys of each dictionary that the method assigns to ``event``."""


@dataclass(frozen=True)
class GuideClass:
    """A class of the guide."""

    name: str
    methods: dict[str, GuideMethod] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()


def guide_class(name: str) -> GuideClass | None:
    """The class of this name, None where the guide has none."""
    for node in _definitions():
        if node.name == name:
            methods = [
                part
                for part in node.body
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
            attributes = {attribute for method in methods for attribute in _assigned(method)}
            return GuideClass(
                name, {each.name: _method(each) for each in methods}, frozenset(attributes)
            )
    return None


def _definitions() -> Iterator[ast.ClassDef]:
    for block in _BLOCK.findall(_GUIDE.read_text("utf-8")):
        # The call at the end of the last block is indented by one space too many to be Python.
        code = textwrap.dedent(block).partition("\n if __name__")[0]
        for node in ast.parse(code).body:
            if isinstance(node, ast.ClassDef):
                yield node


def _method(node: ast.FunctionDef | ast.AsyncFunctionDef) -> GuideMethod:
    names = [argument.arg for argument in node.args.args][1:]
    defaults = [ast.literal_eval(default) for default in node.args.defaults]
    filled = [...] * (len(names) - len(defaults)) + defaults
    return GuideMethod(
        node.name,
        dict(zip(names, filled, strict=True)),
        isinstance(node, ast.AsyncFunctionDef),
        tuple(_events(node)),
    )


def _assigned(node: ast.AST) -> Iterator[str]:
    """The attributes of ``self`` that are set; those that are looked up belong to nobody yet."""
    for part in ast.walk(node):
        if (
            isinstance(part, ast.Attribute)
            and isinstance(part.ctx, ast.Store)
            and isinstance(part.value, ast.Name)
            and part.value.id == "self"
        ):
            yield part.attr


def _events(node: ast.AST) -> Iterator[frozenset[str]]:
    for part in ast.walk(node):
        if (
            isinstance(part, ast.Assign)
            and isinstance(part.value, ast.Dict)
            and any(
                isinstance(target, ast.Name) and target.id == "event" for target in part.targets
            )
        ):
            yield frozenset(ast.literal_eval(key) for key in part.value.keys if key is not None)
