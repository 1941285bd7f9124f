"""Operations against a script: a session that is where the test needs it to be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sage_imap.models.results import SelectedMailbox
from sage_imap.operations.effects import Operation
from sage_imap.operations.session import Session
from sage_imap.protocol.connection import Connection
from sage_imap.protocol.state import ConnectionState
from sage_imap.transports.scripted import ScriptedTransport

__all__ = ["RICH", "Stage", "staged"]

T = TypeVar("T")

RICH = (
    "IMAP4rev1 CONDSTORE ENABLE ESEARCH ID IDLE LIST-EXTENDED LITERAL+ MOVE NAMESPACE SASL-IR "
    "SPECIAL-USE UIDPLUS UNSELECT"
)
TIMEOUT = 30.0


@dataclass(slots=True)
class Stage:
    """A session and the script that its operations are played against."""

    session: Session
    transport: ScriptedTransport

    def run(self, operation: Operation[T]) -> T:
        """The result of *operation*, of this stage's session."""
        return self.transport.carry_out(operation)


@contextmanager
def staged(
    script: str,
    *,
    offers: str | None = RICH,
    state: ConnectionState = ConnectionState.SELECTED,
    enabled: tuple[str, ...] = (),
    chunk: int | None = None,
    mailbox: SelectedMailbox | None = None,
) -> Iterator[Stage]:
    """A session in *state* at a server that *offers*; the script is played to its end.

    Where the state is SELECTED, the mailbox is INBOX of UIDVALIDITY 7 and UIDNEXT 100 unless
    *mailbox* is given.
    """
    connection = Connection(
        state=state, capabilities=None if offers is None else offers.split(), enabled=enabled
    )
    session = Session(connection, timeout=TIMEOUT)
    if state is ConnectionState.SELECTED:
        session.mailbox = mailbox or SelectedMailbox("INBOX", uidvalidity=7, uidnext=100, exists=10)
    transport = ScriptedTransport(script, chunk=chunk)
    yield Stage(session, transport)
    assert transport.finished, "the script was not played to its end"
