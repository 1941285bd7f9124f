"""Which command may be sent when, and where it leads."""

from __future__ import annotations

import pytest

from sage_imap.errors import LocalProtocolError
from sage_imap.protocol.state import ConnectionState, check_allowed, state_after

S = ConnectionState


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("NOOP", {S.NOT_AUTHENTICATED, S.AUTHENTICATED, S.SELECTED}),
        ("LOGIN", {S.NOT_AUTHENTICATED}),
        ("STARTTLS", {S.NOT_AUTHENTICATED}),
        ("SELECT", {S.AUTHENTICATED, S.SELECTED}),
        ("APPEND", {S.AUTHENTICATED, S.SELECTED}),
        ("XFANCY", {S.AUTHENTICATED, S.SELECTED}),
        ("UID FETCH", {S.SELECTED}),
    ],
)
def test_allowed(name: str, states: set[ConnectionState]) -> None:
    """Each command is allowed in its states and in no other."""
    for state in ConnectionState:
        if state in states:
            check_allowed(name, state)
        else:
            with pytest.raises(LocalProtocolError):
                check_allowed(name, state)


@pytest.mark.parametrize(
    ("name", "before", "ok", "after"),
    [
        ("LOGIN", S.NOT_AUTHENTICATED, True, S.AUTHENTICATED),
        ("AUTHENTICATE", S.NOT_AUTHENTICATED, False, S.NOT_AUTHENTICATED),
        ("SELECT", S.AUTHENTICATED, True, S.SELECTED),
        ("EXAMINE", S.SELECTED, False, S.AUTHENTICATED),
        ("CLOSE", S.SELECTED, True, S.AUTHENTICATED),
        ("UNSELECT", S.SELECTED, False, S.SELECTED),
        ("LOGOUT", S.SELECTED, True, S.LOGOUT),
        ("NOOP", S.SELECTED, True, S.SELECTED),
    ],
)
def test_state_after(name: str, before: ConnectionState, ok: bool, after: ConnectionState) -> None:
    """A completion leads to the state that the RFC draws."""
    assert state_after(name, before, ok=ok) is after
