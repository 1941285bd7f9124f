from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sage_imap.testing import Case, load_cases, replay_case

SHARED = Path(os.environ.get("SAGE_SHARED", "../shared"))
CASES = SHARED / "quirks" / "cases.json"


def case(data: bytes, expect: Mapping[str, Any], **fields: Any) -> Case:
    """A case of a NOOP in a selected mailbox, unless *fields* say otherwise."""
    return Case(
        **{"id": "x", "state": "selected", "command": "NOOP"} | fields, data=data, expect=expect
    )


@pytest.mark.skipif(not CASES.exists(), reason="the shared transcript cases are not there")
def test_every_shared_case() -> None:
    """The client makes of every shared transcript what it must, however it is cut."""
    failures = [failure for one in load_cases(CASES) if (failure := replay_case(one))]
    assert not failures, "\n".join(map(str, failures))


@pytest.mark.parametrize(
    ("data", "expect", "fields"),
    [
        (
            b"A1 OK\r\n",
            {"completion": "OK", "code": None, "text": {"$any": ["", None]}, "error": None},
            {},
        ),
        (
            b"A1 NO [NOPERM] x\r\n",
            {"completion": ["OK", "NO"], "error": "rejected", "retryable": False},
            {},
        ),
        (
            b"A1 BAD wait 2 s: throttled\r\n",
            {"error": "rejected", "retryable": True, "retry_after_s": 2},
            {},
        ),
        (b"", {"error": "connection-lost"}, {"then": "close"}),
        (b"* BYE x\r\n", {"error": "bye"}, {"then": "close"}),
        (
            b"* BYE x\r\n",
            {"error": None, "completion": None},
            {"then": "close", "command": "LOGOUT"},
        ),
        (b"* BYE x\r\n", {"error": "bye"}, {"state": "greeting", "command": None}),
        (b"+OK\r\n", {"error": "protocol"}, {"state": "greeting", "command": None}),
        (b"* 1 FETCH (BODY[] {109951162777600}\r\n", {"error": "limit"}, {"then": "silence"}),
        (
            b"+ eyJhIjogMX0=\r\nA1 NO x\r\n",
            {"error": "auth", "auth_error": {"a": 1}},
            {"state": "not-authenticated", "command": "AUTHENTICATE XOAUTH2"},
        ),
        (
            b"+ go\r\nA1 OK x\r\n",
            {"events": [{"type": "continuation"}]},
            {"command": "APPEND x {3}"},
        ),
        (
            b"* 1 EXISTS\r\nA1 OK\r\n",
            {"events": [{"type": "exists"}]},
            {"state": "idle", "command": "IDLE"},
        ),
        (b"* ENABLED X\r\nA1 OK\r\n", {"result": {"enabled": ["x"]}}, {"command": "ENABLE X"}),
        (
            b"* SEARCH 1\r\n* ESEARCH UID ALL 2:3\r\nA1 OK\r\n",
            {"result": {"ids": [3, 2, 1]}},
            {"command": "UID SEARCH ALL"},
        ),
        (
            b"* 1 FETCH (UID 5)\r\n* 2 FETCH (UID 7)\r\n* 1 FETCH (UID 5)\r\nA1 OK\r\nA2 NO\r\n",
            {"result": {"uids": [5]}, "completion2": "NO", "error2": "rejected"},
            {"command": "UID FETCH 5:6 (UID)", "command2": "NOOP"},
        ),
        (
            b"A1 OK [COPYUID 1 5,3 8:9] x\r\n",
            {"result": {"copied": [[5, 8], [3, 9]]}, "code": {"name": "COPYUID"}},
            {"command": "UID COPY 3,5 x", "cuts": (4, 9)},
        ),
    ],
)
def test_what_passes(data: bytes, expect: Mapping[str, Any], fields: dict[str, Any]) -> None:
    """Outcomes of every kind are recognised."""
    assert replay_case(case(data, expect, **fields)) is None


@pytest.mark.parametrize(
    ("data", "expect", "fields", "problem"),
    [
        (b"A1 OK\r\n", {"completion": "NO"}, {}, "the completion is OK, expected NO"),
        (b"A1 OK\r\n", {"completion": ["NO", "BAD"]}, {}, "is OK, expected NO or BAD"),
        (b"A1 OK\r\n", {"completion": None}, {}, "the completion is OK"),
        (b"A1 OK [ALERT] x\r\n", {"code": None}, {}, ", expected None"),
        (b"A1 OK x\r\n", {"text": "y"}, {}, "the text is 'x'"),
        (b"A1 NO x\r\n", {"error": None}, {}, "the error is rejected"),
        (b"A1 NO x\r\n", {"error": "rejected", "retryable": True}, {}, "retryable of the error"),
        (b"A1 NO x\r\n", {"auth_error": {"a": 1}}, {}, "the details of the error"),
        (b"A1 OK\r\n", {"events": [{"type": "exists"}]}, {}, "expected {'type': 'exists'}"),
        (b"* 1 EXISTS\r\nA1 OK\r\n", {"absent": [{"type": "exists"}]}, {}, "came and must not"),
        (b"A1 OK\r\n", {"result": {"ids": [1]}}, {}, "the result ids is []"),
        (b"A1 OK\r\n", {"result": {"rhymes": [1]}}, {}, "'rhymes' is not known"),
        (b"* OK\r\n", {}, {}, "out of step"),
        (b"A1 OK\r\nA2 OK\r\n", {"error2": "auth"}, {"command2": "NOOP"}, "the error2 is None"),
        (b"A1 OK\r\n* 1 FETCH (BODY[] {50}\r\n", {}, {}, "out of step"),
        (
            b"* 7 EXISTS\r\n" * 9000 + b"A1 OK\r\n",
            {"completion": "NO"},
            {},
            "(whole): the completion",
        ),
    ],
)
def test_what_fails(
    data: bytes, expect: Mapping[str, Any], fields: dict[str, Any], problem: str
) -> None:
    """Every difference is told, with the case and the way its bytes were cut."""
    failure = replay_case(case(data, expect, **fields))
    assert failure is not None
    assert str(failure).startswith("x (whole): ")
    assert problem in str(failure)


def test_differences_between_cuts_are_found() -> None:
    """A case that must arrive whole is played whole only, any other at its cuts too."""
    starttls = {"state": "not-authenticated", "command": "STARTTLS"}
    data, expect = b"A1 OK go\r\n* OK injected\r\n", {"error": "protocol"}
    assert replay_case(case(data, expect, whole=True, **starttls)) is None
    assert replay_case(case(data, {"error": None}, whole=True, **starttls)) is not None
