"""The guide that users come from, as a table: its classes with their names, defaults and keys.

It is read from `SAGE_SHARED` (see `tests.support.corpora`) and never copied into the project.
"""

from __future__ import annotations

import ast
import contextlib
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
    values: dict[str, object] = field(default_factory=dict)
    """What it assigns to local names and attributes and is made of constants."""
    keys: dict[str, frozenset[str]] = field(default_factory=dict)
    """The keys of the dictionaries that it assigns to local names and attributes."""
    returned: frozenset[str] = frozenset()
    """The keys of the dictionary that it returns."""
    set_keys: frozenset[str] = frozenset()
    """The keys that it sets one by one."""
    rules: tuple[tuple[tuple[str, ...], str], ...] = ()
    """Of a chain of conditions with a list of words each: the words, and what is returned."""


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
        values=dict(_constants(node)),
        keys=dict(_displays(node)),
        returned=frozenset(
            key
            for part in ast.walk(node)
            if isinstance(part, ast.Return) and isinstance(part.value, ast.Dict)
            for key in _keys(part.value)
        ),
        set_keys=frozenset(
            str(part.slice.value)
            for part in ast.walk(node)
            if isinstance(part, ast.Subscript)
            and isinstance(part.ctx, ast.Store)
            and isinstance(part.slice, ast.Constant)
        ),
        rules=tuple(_rules(node)),
    )


def _assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    for part in ast.walk(node):
        if isinstance(part, ast.Assign):
            for target in part.targets:
                if isinstance(target, ast.Name):
                    yield target.id, part.value
                elif isinstance(target, ast.Attribute):
                    yield target.attr, part.value


def _constants(node: ast.AST) -> Iterator[tuple[str, object]]:
    for name, value in _assignments(node):
        with contextlib.suppress(ValueError):
            yield name, ast.literal_eval(value)


def _displays(node: ast.AST) -> Iterator[tuple[str, frozenset[str]]]:
    for name, value in _assignments(node):
        if isinstance(value, ast.Dict):
            yield name, _keys(value)


def _keys(node: ast.Dict) -> frozenset[str]:
    return frozenset(ast.literal_eval(key) for key in node.keys if key is not None)


def _rules(node: ast.AST) -> Iterator[tuple[tuple[str, ...], str]]:
    for part in ast.walk(node):
        if isinstance(part, ast.If) and isinstance(part.body[0], ast.Return):
            words = [each for each in ast.walk(part.test) if isinstance(each, ast.List)]
            returned = part.body[0].value
            if words and isinstance(returned, ast.Constant):
                yield tuple(ast.literal_eval(words[0])), str(returned.value)


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
