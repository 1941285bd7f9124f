"""What is wrong with a configuration, in words: which file or variable, which key, what to do.

Values are never shown. A password in the wrong place must not end up in a log.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

__all__ = ["describe", "misspelt_variables", "nearest"]

_PREFIX = "SAGE_MAIL_"
# Variables with our prefix that are not settings.
_RESERVED = frozenset({"CRASH_AT"})
_CUTOFF = 0.75

_Location = tuple[str | int, ...]


def nearest(word: str, known: Iterable[str]) -> str:
    """``", did you mean 'x'?"`` where one of the known words is close, else nothing."""
    found = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=_CUTOFF - 0.15)
    return f", did you mean {str(found[0])!r}?" if found else ""


def describe(
    error: ValidationError, raw: Mapping[str, Any], source: Path | None, model: type[BaseModel]
) -> str:
    """One line for each problem of the error; ``raw`` is what the file says."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        location = problem["loc"]
        words = (_path(location, raw), _remedy(problem, location, model))
        lines.append(f"{_place(location, source)}: {' '.join(filter(None, words))}")
    return "\n".join(lines)


def misspelt_variables(
    environment: Mapping[str, str], model: type[BaseModel], *, spared: Iterable[str] = ()
) -> list[str]:
    """A line for each variable with our prefix that looks like a misspelt setting.

    Variables that look like no setting are left alone: the prefix may serve other purposes too.
    """
    exempt = set(spared) | {_PREFIX + name for name in _RESERVED}
    problems = []
    for variable in sorted(environment):
        if not variable.startswith(_PREFIX) or variable in exempt:
            continue
        head, separator, rest = variable.removeprefix(_PREFIX).partition("__")
        word = head.lower()
        close = difflib.get_close_matches(word, list(model.model_fields), n=1, cutoff=_CUTOFF)
        if word not in model.model_fields and close:
            right = _PREFIX + close[0].upper() + separator + rest
            problems.append(f"environment: {variable} is no setting, did you mean {right}?")
    return problems


def _known_keys(location: _Location, model: type[BaseModel]) -> list[str]:
    for step in location[:-1]:
        if isinstance(step, str):
            annotation: Any = model.model_fields[step].annotation
            model = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    return list(model.model_fields)


def _place(location: _Location, source: Path | None) -> str:
    """The variable that the value came from where there is one, else the file."""
    words = [str(step).upper() for step in location]
    for depth in range(len(words), 0, -1):
        variable = _PREFIX + "__".join(words[:depth])
        for name in sorted(os.environ):
            if name == variable or name.startswith(f"{variable}__"):
                return f"environment {name}"
    return str(source) if source is not None else "settings"


def _path(location: _Location, raw: Any) -> str:
    """The key in the words of the file: ``accounts[0] ("work").host``."""
    text = ""
    for step in location:
        if isinstance(step, int):
            raw = raw[step] if isinstance(raw, list) and step < len(raw) else None
            name = raw.get("name") if isinstance(raw, dict) else None
            text += f'[{step}] ("{name}")' if isinstance(name, str) else f"[{step}]"
            continue
        raw = raw.get(step) if isinstance(raw, dict) else None
        text += f".{step}" if text else str(step)
    return text


def _remedy(problem: Mapping[str, Any], location: _Location, model: type[BaseModel]) -> str:
    match problem["type"]:
        case "extra_forbidden":
            known = _known_keys(location, model)
            guess = nearest(str(location[-1]), known)
            return f"is not a setting{guess or '; known are ' + ', '.join(known)}"
        case "missing":
            return "is missing; add it"
        case "list_type":
            return "must be a list; in the environment it is written as JSON"
        case "value_error":
            return str(problem["msg"]).removeprefix("Value error, ")
        case _:
            return f"is not usable: {str(problem['msg'])[:1].lower()}{str(problem['msg'])[1:]}"
