"""A case expects what the client makes of it, and then passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sage_imap.testing import Case, replay_case
from sage_imap.testing.expectation import observe


@pytest.mark.parametrize(
    ("data", "fields", "expected"),
    [
        (
            b"* ok [UIDVALIDITY 7] Valid\r\n* 3 EXISTS\r\nA1 OK [READ-ONLY] done\r\n",
            {"command": "EXAMINE INBOX", "state": "authenticated"},
            {
                "completion": "OK",
                "code": {"name": "READ-ONLY", "args": []},
                "text": "done",
                "error": None,
                "events": [
                    {
                        "type": "ok",
                        "code": {"name": "UIDVALIDITY", "args": [7]},
                        "text": "Valid",
                    },
                    {"type": "exists", "count": 3},
                ],
            },
        ),
        (
            b'* ESEARCH (TAG "A1") UID ALL 1:5\r\nA1 OK done\r\n',
            {"command": "UID SEARCH RETURN (ALL) ALL"},
            {"completion": "OK", "error": None},
        ),
        (
            b'* 1 FETCH (UID 7 INTERNALDATE " 7-Feb-1994 21:52:25 -0800" BODY[] {3}\r\n'
            b"\xe9\r\n)\r\nA1 NO [THROTTLED] wait\r\n",
            {"command": "UID FETCH 7 (UID)"},
            {"completion": "NO", "error": "rejected"},
        ),
        (b"* 3 EXISTS\r\n", {"then": "close"}, {"completion": None, "error": "connection-lost"}),
        (b"* 1 FETCH (BODY[] {109951162777600}\r\n", {}, {"completion": None, "error": "limit"}),
        (b"* OK hello\r\n", {"command": None, "state": "greeting"}, {"error": None}),
        (b"+ idling\r\n* 4 EXISTS\r\nA1 OK done\r\n", {"command": "IDLE"}, {"completion": "OK"}),
        (b"* CAPABILITY IDLE\r\n* ENABLED X\r\nA1 OK\r\n", {}, {"completion": "OK", "code": None}),
    ],
)
def test_it_passes(data: bytes, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """What was observed is plain JSON, says what came, and is met when it is replayed."""
    about: dict[str, Any] = {"id": "x", "state": "selected", "command": "NOOP", "expect": {}}
    case = Case(**about | fields, data=data)
    observed, expect = observe(case)
    assert {key: expect[key] for key in expected} == expected
    assert expect["desync"] is False
    assert observed.expect == json.loads(json.dumps(expect))
    assert replay_case(observed) is None


def test_a_client_that_is_lost() -> None:
    """Where the client is not in step afterwards, the connection is said to end there."""
    case = Case(id="x", state="selected", command="NOOP", expect={}, data=b"A1 OK\r\n* 1 EXI")
    observed, expect = observe(case)
    assert (observed.then, expect["completion"]) == ("close", "OK")
    assert replay_case(observed) is None
