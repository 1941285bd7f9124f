"""The states of a connection, and which command may be sent in which (RFC 9051 section 3)."""

from __future__ import annotations

from enum import Enum
from typing import Final

from sage_imap.errors import LocalProtocolError

__all__ = ["ConnectionState", "check_allowed", "state_after"]


class ConnectionState(Enum):
    """Where a connection stands."""

    GREETING = "greeting"
    """Nothing was received yet."""
    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"
    """The server took its leave and will close the connection."""
    CLOSED = "closed"
    """The stream ended, or what came on it can no longer be followed."""


_ANY_TIME: Final = frozenset({"CAPABILITY", "ID", "LOGOUT", "NOOP"})
_SIGN_IN: Final = frozenset({"AUTHENTICATE", "LOGIN", "STARTTLS"})
_ON_SELECTED: Final = frozenset(
    {
        "CHECK",
        "CLOSE",
        "COPY",
        "EXPUNGE",
        "FETCH",
        "MOVE",
        "SEARCH",
        "STORE",
        "UID COPY",
        "UID EXPUNGE",
        "UID FETCH",
        "UID MOVE",
        "UID SEARCH",
        "UID STORE",
        "UNSELECT",
    }
)


def check_allowed(name: str, state: ConnectionState) -> None:
    """Raise `LocalProtocolError` where the command *name* may not be sent in *state*.

    Commands that this module does not know are allowed from AUTHENTICATED on.
    """
    if state in (ConnectionState.LOGOUT, ConnectionState.CLOSED):
        raise LocalProtocolError(f"{name} cannot be sent: the connection is over")
    if state is ConnectionState.GREETING:
        raise LocalProtocolError(f"{name} cannot be sent before the server's greeting")
    if name in _ANY_TIME:
        return
    if name in _SIGN_IN:
        if state is not ConnectionState.NOT_AUTHENTICATED:
            raise LocalProtocolError(f"{name} cannot be sent: somebody is signed in already")
    elif state is ConnectionState.NOT_AUTHENTICATED:
        raise LocalProtocolError(f"{name} cannot be sent before signing in")
    elif name in _ON_SELECTED and state is not ConnectionState.SELECTED:
        raise LocalProtocolError(f"{name} cannot be sent: no mailbox is selected")


def state_after(name: str, state: ConnectionState, *, ok: bool) -> ConnectionState:
    """The state after the command *name*, completed in *state*."""
    match name:
        case "LOGIN" | "AUTHENTICATE" if ok:
            return ConnectionState.AUTHENTICATED
        case "SELECT" | "EXAMINE":
            # RFC 9051 section 6.3.2: a SELECT that fails leaves no mailbox selected.
            return ConnectionState.SELECTED if ok else ConnectionState.AUTHENTICATED
        case "CLOSE" | "UNSELECT" if ok:
            return ConnectionState.AUTHENTICATED
        case "LOGOUT" if ok:
            return ConnectionState.LOGOUT
        case _:
            return state
