"""What capabilities imply."""

from __future__ import annotations

import pytest

from sage_imap.protocol.capabilities import offers, speaks_utf8


@pytest.mark.parametrize(
    ("capabilities", "name", "expected"),
    [
        ({"IDLE"}, "idle", True),
        ({"IMAP4REV1"}, "IDLE", False),
        ({"IMAP4REV2"}, "MOVE", True),
        ({"IMAP4REV2"}, "CONDSTORE", False),
        ({"QRESYNC"}, "CONDSTORE", True),
        ({"LITERAL+"}, "LITERAL-", True),
        (set(), "IDLE", False),
    ],
)
def test_offers(capabilities: set[str], name: str, expected: bool) -> None:
    """A capability is offered by its name or by what implies it."""
    assert offers(capabilities, name) is expected


@pytest.mark.parametrize(
    ("capabilities", "enabled", "expected"),
    [
        ({"IMAP4REV1", "UTF8=ACCEPT"}, set(), False),
        ({"IMAP4REV1", "UTF8=ACCEPT"}, {"UTF8=ACCEPT"}, True),
        ({"IMAP4REV1", "IMAP4REV2"}, set(), False),
        ({"IMAP4REV1", "IMAP4REV2"}, {"IMAP4REV2"}, True),
        ({"IMAP4REV2"}, set(), True),
    ],
)
def test_utf8(capabilities: set[str], enabled: set[str], expected: bool) -> None:
    """UTF-8 is in force once it was enabled, or where nothing else is spoken."""
    assert speaks_utf8(capabilities, enabled) is expected
