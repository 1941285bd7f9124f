from __future__ import annotations

import json
from pathlib import Path

import pytest

from sage_imap.testing.cases import CaseError, load_cases

CASE = {"id": "a", "state": "selected", "server_bytes": "A1 OK \u00e9\r\n", "expect": {}}


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_a_case(tmp_path: Path) -> None:
    """A case has its bytes, and defaults for what it does not say."""
    (case,) = load_cases(write(tmp_path / "cases.json", [CASE | {"cuts": [3], "whole": True}]))
    assert case.data == b"A1 OK \xe9\r\n"
    assert (case.command, case.enabled, case.then, case.done) == (None, (), None, True)
    assert (case.cuts, case.whole) == ((3,), True)


def test_bytes_in_parts(tmp_path: Path) -> None:
    """Parts are joined and repeated."""
    parts = ["* ", {"repeat": ["x", 3]}, "\r\n"]
    content = {key: value for key, value in CASE.items() if key != "server_bytes"}
    (case,) = load_cases(write(tmp_path / "c.json", [content | {"server_bytes_parts": parts}]))
    assert case.data == b"* xxx\r\n"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({}, "no list"),
        ([1], "case 1"),
        ([CASE, {"id": "b"}], "case 2"),
        ([CASE | {"state": "asleep"}], "'asleep'"),
        ([CASE | {"server_bytes": "\u0100"}], "case 1"),
    ],
)
def test_what_is_not_of_the_format(tmp_path: Path, content: object, complaint: str) -> None:
    """A file that is not of the format is refused with the place of the trouble."""
    with pytest.raises(CaseError, match=complaint):
        load_cases(write(tmp_path / "cases.json", content))


def test_what_is_no_json(tmp_path: Path) -> None:
    """A file that is no JSON is refused."""
    path = tmp_path / "cases.json"
    path.write_text("[")
    with pytest.raises(CaseError, match="no JSON"):
        load_cases(path)
