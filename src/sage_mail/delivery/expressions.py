"""Conditions written by users, in the Common Expression Language (CEL), and what they may cost.

An expression sees the facts of an event as typed variables (`VARIABLES`) and nothing else: there
are no attributes, no loops and no way to call anything of ours. It is compiled and its types are
checked when the configuration is read.

Time and memory are bounded by what is left out: the macros that loop (``all``, ``exists``, ``map``,
``filter``) do not exist here, regular expressions are RE2's, which take linear time, a nesting
deeper than 32 is refused by the parser, and texts are cut before they are seen.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Final

from sage_mail.errors import SageMailError

__all__ = ["VARIABLES", "Expression", "ExpressionError"]

# The facts by their names, and their types in CEL; those that an event lacks are empty or zero.
# ``event`` is the type of the event: ``type`` is a word of the language.
VARIABLES: Final = {
    "event": "string",
    "account": "string",
    "folder": "string",
    "category": "string",
    "priority": "string",
    "kind": "string",
    "topic": "string",
    "confidence": "double",
    "subject": "string",
    "sender": "string",
    "sender_name": "string",
    "to": "list",
    "cc": "list",
    "flags": "list",
    "size": "int",
    "has_attachments": "bool",
    "attachment_names": "list",
    "attachment_types": "list",
}
_EMPTY: Final[Mapping[str, Any]] = {"string": "", "double": 0.0, "int": 0, "bool": False}

_LONGEST: Final = 2000
_MOST_TEXT: Final = 2000
_MOST_ENTRIES: Final = 100
# The runtime's words: ERROR: <input>:1:9: undeclared reference to 'subjct' (in container '')
_PROBLEM: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")
_PATTERN: Final = re.compile(
    r"\bmatches\s*\(\s*(?:[\w.]+\s*,\s*)?(r?(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'))\s*\)"
)


class ExpressionError(SageMailError, ValueError):
    """The expression cannot be used; the message says where in it and why."""


class Expression:
    """A condition that is well formed, gives true or false, and can be asked about any event."""

    def __init__(self, text: str) -> None:
        """Compile the text; raises `ExpressionError`."""
        if len(text) > _LONGEST:
            raise ExpressionError(f"is longer than {_LONGEST} characters")
        self._program = _compiled(text)
        for pattern in _PATTERN.findall(text):
            _check_pattern(pattern, text)

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether it is true of these facts, which may lack any of the `VARIABLES`.

        Raises:
            ExpressionError: it has no value for these facts, e.g. since it divides by zero.
        """
        known = {name: _fitted(facts.get(name), type_) for name, type_ in VARIABLES.items()}
        result = self._program.eval(data=known).value()
        if not isinstance(result, bool):
            raise ExpressionError("it has no value for this event")
        return result


@functools.cache
def _environment() -> Any:
    # Imported late, for a runtime of 14 MB that only those need who have written an expression.
    from cel_expr_python import cel  # type: ignore[import-untyped]

    lines = ["name: sage-mail", "stdlib:", "  include_macros: [has]", "variables:"]
    for name, type_ in VARIABLES.items():
        lines += [f"- name: {name}", f"  type_name: {type_}"]
        if type_ == "list":
            lines += ["  params:", "  - type_name: string"]
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml("\n".join(lines)))


@functools.lru_cache(maxsize=256)
def _compiled(text: str) -> Any:
    try:
        program = _environment().compile(text)
    except RuntimeError as error:
        raise ExpressionError(_explained(str(error))) from error
    kind = program.return_type().name()
    if kind != "BOOL":
        raise ExpressionError(f"gives {kind.lower()}, but must be true or false")
    return program


def _explained(problem: str) -> str:
    found = _PROBLEM.search(problem)
    if "recursion" in problem:
        return "is nested deeper than 32 levels"
    if found is None:
        return "is not an expression of CEL"
    line, column, reason = int(found[1]), int(found[2]), found[3]
    reason = reason.removesuffix(" [INVALID_ARGUMENT]").removesuffix(" (in container '')")[:300]
    if reason.startswith("undeclared reference"):
        reason += f"; known are {', '.join(VARIABLES)}"
    return f"line {line}, column {column}: {reason}"


def _check_pattern(literal: str, text: str) -> None:
    """A pattern that is no regular expression would otherwise show with the first event only."""
    value = _environment().compile(f'"".matches({literal})').eval(data={}).value()
    if not isinstance(value, bool):
        before = text[: text.index(literal)]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ExpressionError(f"line {line}, column {column}: {str(value)[:200]}")


def _fitted(value: Any, type_: str) -> Any:
    """The value as the type wants it, cut to what is bearable."""
    match type_:
        case "list":
            entries = value if isinstance(value, list | tuple) else ()
            return [_text(entry) for entry in entries[:_MOST_ENTRIES]]
        case "string":
            return "" if value is None else _text(value)
        case "double":
            return float(value or 0.0)
        case _:
            return _EMPTY[type_] if value is None else value


def _text(value: Any) -> str:
    """The value as text that has an encoding: the runtime takes no lone surrogates."""
    return str(value)[:_MOST_TEXT].encode("utf-8", "replace").decode()
