"""What regular expressions must not use, since a supported Python gets it wrong."""

from __future__ import annotations

import re
from pathlib import Path

_SOURCES = Path(__file__).resolve().parents[1] / "src"
_POSSESSIVE_GROUP = re.compile(r"""r?b?["'].*[^\\\\]\)[*+?]\+""")


def test_no_group_is_possessive() -> None:
    """Python before 3.11.5 mis-matches ``(...)*+`` (gh-106052); ``(?>(...)*)`` means the same."""
    found = [
        f"{path.relative_to(_SOURCES)}:{number}"
        for path in sorted(_SOURCES.rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if _POSSESSIVE_GROUP.search(line)
    ]

    assert found == []
