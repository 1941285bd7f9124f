"""Event types and the patterns that select them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_mail.delivery.events import EventType, matches, pattern_of


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
        (["*.n*w"], EventType.MESSAGE_NEW, True),
        (["m*e*new*"], EventType.MESSAGE_NEW, True),
        (["message.[n]ew"], EventType.MESSAGE_NEW, False),
        (["message.ne?"], EventType.MESSAGE_NEW, False),
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


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_a_star_is_any_text(pattern: str, text: str) -> None:
    """A pattern fits where each star can be given a text that makes the two the same."""

    def fits(rest: str, left: str) -> bool:
        if not rest.startswith("*"):
            return left == rest if not rest else left[:1] == rest[0] and fits(rest[1:], left[1:])
        return any(fits(rest[1:], left[skipped:]) for skipped in range(len(left) + 1))

    assert (pattern_of(pattern).fullmatch(text) is not None) is fits(pattern, text)


def test_many_stars_take_bounded_time() -> None:
    """A pattern with stars and a long text that it nearly fits is no work for minutes."""
    started = time.process_time()
    assert not pattern_of("*a" * 50 + "b").fullmatch("a" * 5_000)
    assert time.process_time() - started < 5
