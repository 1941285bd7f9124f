"""What the client makes of a case, in the words of the transcript format.

A recorded case expects just that, so that replaying it passes; whoever knows better corrects it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sage_imap.protocol.sets import NumberSet
from sage_imap.testing.cases import Case
from sage_imap.testing.describe import describe, describe_code
from sage_imap.testing.player import play

__all__ = ["observe"]


def observe(case: Case) -> tuple[Case, dict[str, Any]]:
    """The case with its expectation filled in, and the expectation as JSON knows it.

    Where the client is not in step afterwards, the server is said to close the connection, since
    the format has no word for a client that is lost.
    """
    outcome = play(case, ())
    if outcome.in_step is False:
        case = replace(case, then="close")
        outcome = play(case, ())
    expect: dict[str, Any] = {"desync": False}
    completion = outcome.completions.get("A1")
    if case.command is not None:
        expect["completion"] = None if completion is None else completion.status.value
    if completion is not None:
        expect["code"] = _plain(describe_code(completion.code))
        expect["text"] = completion.text
    expect["error"], _ = outcome.error("A1", open_command=case.command is not None)
    came = [shown for event in outcome.events if (shown := describe(event)) is not None]
    expect["events"] = [_plain(event) for event in came]
    return replace(case, expect=expect), expect


def _plain(value: Any) -> Any:
    """*value* in what JSON has; the comparison of cases reads it back."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, NumberSet):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value
