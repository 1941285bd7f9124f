"""What is wrong with a configuration, in words: which file or variable, which key, what to do.

Values are never shown. A password in the wrong place must not end up in a log.
"""

from __future__ import annotations

import difflib
import os
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

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
    seen = set()
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        location = _trim(problem["loc"], model)
        if location in seen:  # a union reports each of its branches
            continue
        seen.add(location)
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


def _trim(location: _Location, model: type[BaseModel]) -> _Location:
    """The location without the branch of a union or the validator that pydantic appends."""
    kept: list[str | int] = []
    current: Any = model
    for step in location:
        if not _has_steps(current):
            break
        kept.append(step)
        current = _step(current, step)
    return tuple(kept)


def _has_steps(annotation: Any) -> bool:
    annotation = _bare(annotation)
    return get_origin(annotation) in (list, dict) or _is_model(annotation)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _step(annotation: Any, step: str | int) -> Any:
    """The annotation behind one step into a model, a list or a table; None where it ends."""
    annotation = _bare(annotation)
    if _is_model(annotation):
        info = annotation.model_fields.get(str(step))
        return info.annotation if info is not None else None
    return get_args(annotation)[-1] if get_args(annotation) else None


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) in (Annotated, Union, types.UnionType):
        inner = [arg for arg in get_args(annotation) if arg is not type(None)]
        annotation = inner[0]
    return annotation


def _known_keys(location: _Location, model: type[BaseModel]) -> Sequence[str]:
    current: Any = model
    for step in location[:-1]:
        current = _step(current, step)
    current = _bare(current)
    return list(current.model_fields) if _is_model(current) else []


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
