"""Event types and the patterns that select them."""

from __future__ import annotations

import pytest

from sage_mail.delivery.events import EventType, matches


@pytest.mark.parametrize(
    ("patterns", "type_", "expected"),
    [
        (["*"], EventType.MAILBOX_RESET, True),
        (["message.*"], EventType.MESSAGE_NEW, True),
        (["message.*"], EventType.ACCOUNT_CONNECTED, False),
        (["message.new"], EventType.MESSAGE_NEW, True),
        (["message.new"], EventType.MESSAGE_MOVED, False),
        (["account.*", "message.deleted"], EventType.MESSAGE_DELETED, True),
        ([], EventType.MESSAGE_NEW, False),
        (["Message.New"], EventType.MESSAGE_NEW, False),
    ],
)
def test_patterns(patterns: list[str], type_: EventType, *, expected: bool) -> None:
    """A pattern is a name, a star for all, or a group with a star."""
    assert matches(patterns, type_) is expected


def test_names_on_the_wire() -> None:
    """The names are a contract with every receiver: this list may only grow."""
    assert [str(type_) for type_ in EventType] == [
        "message.new",
        "message.moved",
        "message.deleted",
        "message.flags_changed",
        "message.attachments",
        "message.failed",
        "mailbox.reset",
        "account.connected",
        "account.disconnected",
        "account.auth_failed",
        "endpoint.disabled",
    ]
