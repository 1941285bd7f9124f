"""Transcript cases: what a server sends in a situation, and what a client must make of it.

A file is a JSON list of objects. ``server_bytes`` (or ``server_bytes_parts``: strings and
``{"repeat": [string, count]}``) are octets written as the characters U+0000 to U+00FF.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

__all__ = ["Case", "CaseError", "load_cases"]

_STATES: Final = frozenset({"greeting", "not-authenticated", "authenticated", "selected", "idle"})


class CaseError(ValueError):
    """The file, or a case in it, is not of the format."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case; the names are those of the format."""

    id: str
    state: str
    data: bytes = field(repr=False)
    expect: Mapping[str, Any] = field(repr=False)
    command: str | None = None
    command2: str | None = None
    enabled: tuple[str, ...] = ()
    cuts: tuple[int, ...] = ()
    whole: bool = False
    then: str | None = None
    done: bool = True


def load_cases(path: Path) -> list[Case]:
    """The cases in the file *path*; raises `CaseError` where it holds none."""
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise CaseError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, list):
        raise CaseError(f"{path} holds no list of cases")
    return [_read_case(item, number) for number, item in enumerate(content, start=1)]


def _read_case(item: Any, number: int) -> Case:
    try:
        case = Case(
            id=str(item["id"]),
            state=item["state"],
            data=_server_bytes(item),
            expect=dict(item["expect"]),
            command=item.get("command"),
            command2=item.get("command2"),
            enabled=tuple(item.get("enabled", ())),
            cuts=tuple(item.get("cuts", ())),
            whole=bool(item.get("whole", False)),
            then=item.get("then"),
            done=bool(item.get("done", True)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CaseError(f"case {number} is not of the format: {error!r}") from error
    if case.state not in _STATES:
        raise CaseError(f"case {number} ({case.id}) has the unknown state {case.state!r}")
    return case


def _server_bytes(item: Mapping[str, Any]) -> bytes:
    if "server_bytes" in item:
        return str(item["server_bytes"]).encode("latin-1")
    pieces = []
    for part in item["server_bytes_parts"]:
        text, count = part["repeat"] if isinstance(part, dict) else (part, 1)
        pieces.append(text.encode("latin-1") * count)
    return b"".join(pieces)
