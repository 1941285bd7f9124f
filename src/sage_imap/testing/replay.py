"""Replaying cases: each whole, byte by byte and at its cuts, with the same outcome."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sage_imap.protocol.events import (
    CommandCompleted,
    ESearchReceived,
    Event,
    ExtensionsEnabled,
    FetchReceived,
    ResponseCode,
    SearchReceived,
    SortReceived,
    UntaggedStatus,
)
from sage_imap.protocol.sets import UIDSet
from sage_imap.testing.cases import Case
from sage_imap.testing.compare import in_order, matches
from sage_imap.testing.describe import describe, describe_code
from sage_imap.testing.player import Outcome, play

__all__ = ["Failure", "replay_case"]

_SHORT: Final = 4096  # octets; above it, byte by byte tells nothing more and takes long
_FATAL: Final = frozenset({"protocol", "connection-lost", "limit", "bye"})
_UID_FETCH: Final = re.compile(r"UID FETCH ([0-9:,]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Failure:
    """What is wrong with the outcome of a case, and how its bytes were cut."""

    case: str
    reads: str
    problem: str

    def __str__(self) -> str:
        return f"{self.case} ({self.reads}): {self.problem}"


def replay_case(case: Case) -> Failure | None:
    """The first thing that is wrong with *case*, or None."""
    for reads, cuts in _ways_to_cut(case):
        outcome = play(case, cuts)
        problem = next(_problems(case, outcome), None)
        if problem is not None:
            return Failure(case.id, reads, problem)
    return None


def _ways_to_cut(case: Case) -> Iterator[tuple[str, Sequence[int]]]:
    yield "whole", ()
    if case.whole:
        return
    if case.cuts:
        yield "at its cuts", case.cuts
    if len(case.data) <= _SHORT:
        yield "byte by byte", range(1, len(case.data))


def _problems(case: Case, outcome: Outcome) -> Iterator[str]:
    expect = case.expect
    came = [shown for event in outcome.events if (shown := describe(event)) is not None]
    missing = in_order(expect.get("events", ()), came)
    if missing is not None:
        yield f"expected {missing!r} among {_excerpt(came)}"
    for event in expect.get("absent", ()):
        if any(matches(event, one) for one in came):
            yield f"{event!r} came and must not"
    yield from _completion_problems(expect, outcome, "", "A1", has_command=case.command is not None)
    if case.command2 is not None:
        yield from _completion_problems(expect, outcome, "2", "A2", has_command=True)
    yield from _result_problems(case, outcome)
    if outcome.in_step is False and not _expects_end(expect):
        yield "the connection is out of step"


def _completion_problems(
    expect: Mapping[str, Any], outcome: Outcome, suffix: str, tag: str, *, has_command: bool
) -> Iterator[str]:
    completion = outcome.completions.get(tag)
    if f"completion{suffix}" in expect:
        status = None if completion is None else completion.status.value
        wanted = expect[f"completion{suffix}"]
        if not _one_of(wanted, status):
            yield f"the completion{suffix} is {status}, expected {_either(wanted)}"
    if f"code{suffix}" in expect:
        code = None if completion is None else describe_code(completion.code)
        if not matches(expect[f"code{suffix}"], code):
            yield f"the code{suffix} is {code!r}, expected {expect[f'code{suffix}']!r}"
    if f"text{suffix}" in expect:
        text = None if completion is None else completion.text
        if not matches(expect[f"text{suffix}"], text):
            yield f"the text{suffix} is {text!r}, expected {expect[f'text{suffix}']!r}"
    kind, error = outcome.error(tag, open_command=has_command)
    if f"error{suffix}" in expect and not _one_of(wanted := expect[f"error{suffix}"], kind):
        yield f"the error{suffix} is {kind}, expected {_either(wanted)}"
    if not suffix:
        yield from _error_problems(expect, error)


def _error_problems(expect: Mapping[str, Any], error: object) -> Iterator[str]:
    for key, attribute in (("retryable", "retryable"), ("retry_after_s", "retry_after")):
        if key in expect and (came := getattr(error, attribute, None)) != expect[key]:
            yield f"{key} of the error is {came!r}, expected {expect[key]!r}"
    if "auth_error" in expect:
        details = getattr(error, "details", None)
        if not matches(expect["auth_error"], details):
            yield f"the details of the error are {details!r}, expected {expect['auth_error']!r}"


def _result_problems(case: Case, outcome: Outcome) -> Iterator[str]:
    for key, expected in case.expect.get("result", {}).items():
        if key not in _RESULTS:
            yield f"the result {key!r} is not known"
            continue
        result = _RESULTS[key](case, outcome)
        if not matches(expected, result, key):
            yield f"the result {key} is {result!r}, expected {expected!r}"


def _uids(case: Case, outcome: Outcome) -> list[int]:
    found = _UID_FETCH.match(case.command or "")
    asked = UIDSet.parse(found[1]) if found else UIDSet()
    rows = [event.items.get("UID") for event in outcome.events if isinstance(event, FetchReceived)]
    uids = [uid for uid in rows if isinstance(uid, int) and uid in asked]
    return list(dict.fromkeys(uids))


def _ids(case: Case, outcome: Outcome) -> list[int]:
    found: dict[int, None] = {}
    for event in outcome.events:
        if isinstance(event, SearchReceived | SortReceived):
            found.update(dict.fromkeys(event.ids))
        elif isinstance(event, ESearchReceived) and event.all is not None:
            found.update(dict.fromkeys(event.all))
    return list(found)


def _copied(case: Case, outcome: Outcome) -> list[list[int]]:
    return [
        [source + step, target + step]
        for event in (*outcome.events, *outcome.completions.values())
        if (code := _code(event)) is not None
        for source, target, count in code.copied
        for step in range(count)
    ]


def _code(event: Event) -> ResponseCode | None:
    return event.code if isinstance(event, UntaggedStatus | CommandCompleted) else None


def _enabled(case: Case, outcome: Outcome) -> list[str]:
    return [
        name
        for event in outcome.events
        if isinstance(event, ExtensionsEnabled)
        for name in event.names
    ]


_RESULTS: Final = {
    "copied": _copied,
    "enabled": _enabled,
    "ids": _ids,
    "ids_in_order": _ids,
    "uids": _uids,
}


def _one_of(expected: object, came: object) -> bool:
    return came in expected if isinstance(expected, list) else came == expected


def _either(expected: object) -> str:
    return " or ".join(map(str, expected)) if isinstance(expected, list) else str(expected)


def _expects_end(expect: Mapping[str, Any]) -> bool:
    error = expect.get("error")
    return bool(_FATAL.intersection(error if isinstance(error, list) else [error]))


def _excerpt(came: Sequence[Mapping[str, Any]]) -> str:
    text = repr(list(came[:20]))
    return text if len(text) < 2000 else text[:2000] + "..."
