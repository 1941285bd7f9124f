"""The two shells are one in name, signature and promise."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from sage_imap import aio, services

# What each shell has on its own, because the language does: with and for, or async with and for.
OWN = {
    "__enter__": "__aenter__",
    "__exit__": "__aexit__",
    "__iter__": "__aiter__",
}
# `select.select` waits for a descriptor; whoever has a loop waits for an event.
ONLY_BLOCKING = {("IMAPClient", "sock")}
NAMES = sorted(services.__all__)


def _public(kind: type) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(kind).items()
        if not name.startswith("_") or name in {*OWN, *OWN.values(), "__init__"}
    }


def _sync_name(name: str) -> str:
    return {theirs: ours for ours, theirs in OWN.items()}.get(name, name)


def _annotation(annotation: object) -> str:
    return re.sub(r"\bAsync(Iterator|Iterable)\b", r"\1", str(annotation))


def _signature(function: Callable[..., Any]) -> list[tuple[str, str, object, str]]:
    signature = inspect.signature(function)
    parameters = [
        (name, str(p.kind), p.default, _annotation(p.annotation))
        for name, p in signature.parameters.items()
    ]
    return [*parameters, ("return", "", None, _annotation(signature.return_annotation))]


def test_modules() -> None:
    """Both export the same names."""
    assert sorted(aio.__all__) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_members(name: str) -> None:
    """Both classes have the same members."""
    blocking, asynchronous = _public(getattr(services, name)), _public(getattr(aio, name))
    shared = {member for member in blocking if (name, member) not in ONLY_BLOCKING}
    assert {_sync_name(member) for member in asynchronous} == shared


@pytest.mark.parametrize("name", NAMES)
def test_signatures_and_promises(name: str) -> None:
    """Both take and give the same, and say the same of it."""
    asynchronous = _public(getattr(aio, name))
    for member, blocking in _public(getattr(services, name)).items():
        if (name, member) in ONLY_BLOCKING:
            continue
        other = asynchronous[OWN.get(member, member)]
        if isinstance(blocking, property):
            assert isinstance(other, property)
            blocking, other = blocking.fget, other.fget
        assert _signature(blocking) == _signature(other), member
        if (name, member) not in DIFFERENT_WORDS:
            assert _first_line(blocking) == _first_line(other), member


DIFFERENT_WORDS = {("IMAPClient", "idle")}
"""IDLE begins at the call or at the ``await``, and the promise says which."""


def _first_line(function: object) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


@pytest.mark.parametrize("name", NAMES)
def test_what_waits_is_awaited(name: str) -> None:
    """A method is a coroutine or an asynchronous iteration where the other shell blocks."""
    immediate = {"take_events", "idle", "stop", "__init__"}
    for member, value in _public(getattr(aio, name)).items():
        if isinstance(value, property) or member in immediate:
            continue
        waits = inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value)
        assert waits, member
